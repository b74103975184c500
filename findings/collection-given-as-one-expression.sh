#!/usr/bin/env bash
# n8n-workflow 2.41.0: a parameter of type `collection` that is one expression as a whole ("={{ $json.opts }}") is an
# empty object before any node sees it, without an error. A string parameter keeps its expression. The reason can be
# seen in getNodeParameters(): it looks up each option by name in the text of the expression.
#
# Output seen with n8n-workflow 2.41.0:
#   collection as one expression: {}
#   collection with an expression in it: {"maxPages":"={{ $json.opts.maxPages }}"}
#   text: "={{ $json.name }}"
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts n8n-workflow@2.41.0
cat >run.cjs <<'JS'
const { Workflow } = require('n8n-workflow');
const description = {
	displayName: 'Probe', name: 'probe', group: ['input'], version: 1, description: 'Probe',
	defaults: { name: 'Probe' }, inputs: ['main'], outputs: ['main'],
	properties: [
		{ displayName: 'Name', name: 'name', type: 'string', default: '' },
		{
			displayName: 'Options', name: 'options', type: 'collection', default: {},
			options: [{ displayName: 'Max Pages', name: 'maxPages', type: 'number', default: 1 }],
		},
	],
};
const nodeTypes = { getByName: () => ({ description }), getByNameAndVersion: () => ({ description }), getKnownTypes: () => ({}) };
const optionsAfter = (options) => {
	const node = { id: '1', name: 'Probe', type: 'probe', typeVersion: 1, position: [0, 0], parameters: { name: '={{ $json.name }}', options } };
	return new Workflow({ nodes: [node], connections: {}, active: false, nodeTypes }).nodes.Probe.parameters;
};
const whole = optionsAfter('={{ $json.opts }}');
console.log('collection as one expression:', JSON.stringify(whole.options));
console.log('collection with an expression in it:', JSON.stringify(optionsAfter({ maxPages: '={{ $json.opts.maxPages }}' }).options));
console.log('text:', JSON.stringify(whole.name));
JS
node run.cjs | tee seen
diff seen - <<'EXPECTED'
collection as one expression: {}
collection with an expression in it: {"maxPages":"={{ $json.opts.maxPages }}"}
text: "={{ $json.name }}"
EXPECTED
echo 'As described.'
