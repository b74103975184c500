#!/usr/bin/env bash
# n8n-workflow 2.41.0: inside a `collection`, an option whose displayOptions ask for another option of the same
# collection by its path from the root ('/options.mode') is never displayed, so n8n drops its value without an error.
# By the relative name ('mode') it is kept. While the collection is read, the root holds the simple parameters only.
#
# Output seen with n8n-workflow 2.41.0:
#   by the path from the root: {"mode":"queue"}
#   by the relative name: {"mode":"queue","queue":"mine"}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts n8n-workflow@2.41.0
cat >run.cjs <<'JS'
const { NodeHelpers } = require('n8n-workflow');
const kept = (condition) =>
	JSON.stringify(
		NodeHelpers.getNodeParameters(
			[
				{
					displayName: 'Options', name: 'options', type: 'collection', default: {},
					options: [
						{ displayName: 'Mode', name: 'mode', type: 'string', default: '' },
						{
							displayName: 'Queue', name: 'queue', type: 'string', default: '',
							displayOptions: { show: { [condition]: ['queue'] } },
						},
					],
				},
			],
			{ options: { mode: 'queue', queue: 'mine' } },
			true, false, null, null,
		).options,
	);
console.log('by the path from the root:', kept('/options.mode'));
console.log('by the relative name:', kept('mode'));
JS
node run.cjs | tee seen
diff seen - <<'EXPECTED'
by the path from the root: {"mode":"queue"}
by the relative name: {"mode":"queue","queue":"mine"}
EXPECTED
echo 'As described.'
