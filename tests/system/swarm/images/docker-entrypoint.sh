#!/bin/sh
# What the official image does with its templates, whose variables are those that NGINX_ENVSUBST_FILTER allows.
set -e
names=$(env | sed -n "s/^\\([^=]*\\)=.*/\\1/p" | grep "$NGINX_ENVSUBST_FILTER" | sed 's/.*/${&}/')
for template in /etc/nginx/templates/*.template; do
    envsubst "$names" < "$template" > "/etc/nginx/conf.d/$(basename "$template" .template)"
done
exec "$@" -p /etc/nginx -c /etc/nginx/nginx.conf
