#!/bin/sh
# The image's entrypoint: gunicorn with its options, or with `serve`, which is what SageMaker starts a container with, or
# with the options that KServe gives its own servers.
if [ "$1" = serve ]; then
    shift
    export PLATFORM=sagemaker
fi
for option; do
    shift
    case "$option" in
        --model_dir=/mnt/models) ;; # where a bundle of KServe's is looked for anyway, also in a folder of its own
        --model_dir=*) export MODEL_DIR="${option#*=}" ;;
        --model_name=*) export MODEL_NAME="${option#*=}" ;;
        --http_port=*) export PORT="${option#*=}" ;;
        *) set -- "$@" "$option" ;;
    esac
done
# Python would end by these until it has read gunicorn.conf.py; nothing is lost, for no bundle has been read by then.
trap '' HUP USR1 USR2 TTIN TTOU
exec gunicorn "$@"
