import { InvalidInput } from '../../nodes/shared/api';
import { systemClock } from '../../nodes/shared/n8n/systemClock';
import { openEmbeddedStores } from '../../nodes/shared/stores/embedded';

jest.mock('node:sqlite', () => {
	throw Object.assign(new Error('No such built-in module: node:sqlite'), {
		code: 'ERR_UNKNOWN_BUILTIN_MODULE',
	});
});

it.each([undefined, '/somewhere'])(
	'a Node without node:sqlite is told which one is needed (folder %p)',
	(folder) => {
		const warnings: string[] = [];
		const open = () =>
			openEmbeddedStores({
				...{ folder, keyId: 'key', clock: systemClock },
				warn: (text) => warnings.push(text),
			});
		expect(open).toThrow(InvalidInput);
		expect(open).toThrow(
			expect.objectContaining({
				parameter: 'State Store',
				message: `State cannot be kept: this needs Node.js 22.19 or newer, and n8n runs on ${process.version}`,
				advice: expect.stringContaining('22.19 or newer'),
			}),
		);
		expect(warnings).toEqual([]);
	},
);
