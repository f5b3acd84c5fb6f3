#!/bin/sh
# The image's entrypoint: gunicorn with its options, or with `serve`, which is what SageMaker starts a container with.
if [ "$1" = serve ]; then
    shift
    export PLATFORM=sagemaker
fi
# Python would end by these until it has read gunicorn.conf.py; nothing is lost, for no bundle has been read by then.
trap '' HUP USR1 USR2 TTIN TTOU
exec gunicorn "$@"
