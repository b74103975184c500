const { spawn } = require('node:child_process');
const { rm, writeFile } = require('node:fs/promises');
const { resolve } = require('node:path');
const { dest, parallel, series, src } = require('gulp');

/** What n8n reads beside the compiled code: icons, codex files and output schemas. */
const ASSETS = ['icons/*.svg', 'nodes/**/*.node.json', 'nodes/**/__schema__/**/*.json'];

function clean() {
	return rm('dist', { recursive: true, force: true });
}

function compile() {
	const tsc = require.resolve('typescript/bin/tsc');
	return spawn(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
}

function copy() {
	return src(ASSETS, { base: '.', encoding: false, allowEmpty: true }).pipe(dest('dist'));
}

/** Read from what was compiled, so that it tells what is shipped. */
function describe() {
	const { providerInfo } = require('./tools/providerInfo');
	const info = providerInfo(require('./package.json'), (file) => require(resolve('dist', file)));
	return writeFile('dist/provider-info.json', `${JSON.stringify(info, null, 2)}\n`);
}

exports.build = series(clean, parallel(compile, copy), describe);
