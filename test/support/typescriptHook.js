/**
 * For child processes of tests (`node --require`): loads the package's TypeScript as jest does. What was
 * translated once is kept, since a test may start hundreds of processes.
 */
const { createHash } = require('node:crypto');
const { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const CACHE = join(module.path, '../../.tmp/typescript');

require.extensions['.ts'] = (module, filename) => {
	const source = readFileSync(filename, 'utf8');
	const kept = join(CACHE, `${createHash('sha256').update(source).digest('hex')}.js`);
	if (!existsSync(kept)) {
		mkdirSync(CACHE, { recursive: true });
		const own = `${kept}.${process.pid}`;
		writeFileSync(own, translate(source, filename));
		renameSync(own, kept);
	}
	module._compile(readFileSync(kept, 'utf8'), filename);
};

function translate(source, fileName) {
	const ts = require('typescript');
	return ts.transpileModule(source, {
		fileName,
		compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023 },
	}).outputText;
}
