// @ts-check
// Reads [{ file, code }] as JSON from stdin, lints each text as if it stood in that file and
// prints the names of the rules that reported, text by text. A process of its own, because jest
// cannot load ESLint's configuration (ES modules).
import { existsSync, readFileSync } from 'node:fs';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';

const withTypes = new ESLint();
// Without type information a text can stand in a file that does not exist, and takes milliseconds.
const withoutTypes = new ESLint({
	overrideConfig: { ...tseslint.configs.disableTypeChecked, files: ['**/*.ts'] },
});

/** @type {{ file: string; code: string }[]} */
const texts = JSON.parse(readFileSync(0, 'utf8'));
const reports = [];
for (const { file, code } of texts) {
	const eslint = existsSync(file) ? withTypes : withoutTypes;
	const [result] = await eslint.lintText(code, { filePath: file });
	reports.push((result?.messages ?? []).map(({ ruleId, message }) => ruleId ?? message));
}
process.stdout.write(JSON.stringify(reports));
