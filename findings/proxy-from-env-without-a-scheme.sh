#!/usr/bin/env bash
# proxy-from-env 1.1.0, which n8n 2.41 asks which proxy to take: a proxy without a scheme gets that of the address that
# is asked for. So HTTPS_PROXY=proxy.example:3128 means TLS to the proxy itself, where curl and others speak plain HTTP
# to it, and HTTP_PROXY with the same value means something else.
#
# Output seen with proxy-from-env 1.1.0:
#   https://api.example/ by https://proxy.example:3128
#   http://api.example/ by http://proxy.example:3128
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts proxy-from-env@1.1.0
cat >run.cjs <<'JS'
const { getProxyForUrl } = require('proxy-from-env');
for (const url of ['https://api.example/', 'http://api.example/']) console.log(`${url} by ${getProxyForUrl(url)}`);
JS
env -u http_proxy -u https_proxy -u no_proxy -u NO_PROXY -u all_proxy -u ALL_PROXY \
	HTTPS_PROXY=proxy.example:3128 HTTP_PROXY=proxy.example:3128 node run.cjs | tee seen
diff seen - <<'EXPECTED'
https://api.example/ by https://proxy.example:3128
http://api.example/ by http://proxy.example:3128
EXPECTED
echo 'As described.'
