#!/bin/sh
# The image's entrypoint: gunicorn with its options, or with `serve`, which is what SageMaker starts a container with.
if [ "$1" = serve ]; then
    shift
    export PLATFORM=sagemaker
fi
exec gunicorn "$@"
