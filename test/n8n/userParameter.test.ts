import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';
import { InvalidInput } from '../../nodes/shared/api';
import { readUser, userNamed } from '../../nodes/shared/n8n/userParameter';

function context(user: unknown, json: IDataObject = {}): IExecuteFunctions {
	return {
		getNodeParameter: () => user,
		getInputData: () => [{ json }],
	} as unknown as IExecuteFunctions;
}

const locator = (value: unknown, mode = 'username') => ({ __rl: true, mode, value });

function refusal(user: unknown, json?: IDataObject): InvalidInput {
	try {
		readUser(context(user, json), 0);
	} catch (error) {
		if (error instanceof InvalidInput) return error;
		throw error;
	}
	throw new Error('was not refused');
}

describe('readUser', () => {
	it('reads a locator, and a plain text as a username', () => {
		expect(readUser(context(locator('@NBA')), 0)).toEqual({ kind: 'username', username: 'nba' });
		expect(readUser(context(locator('107955', 'id')), 0)).toEqual({ kind: 'id', id: '107955' });
		expect(readUser(context('@NBA'), 0)).toEqual({ kind: 'username', username: 'nba' });
	});

	it.each([undefined, null, ''])('says which fields the item has when %j was given', (value) => {
		const error = refusal(locator(value), { row_number: 3, handle: 'nba' });
		expect(error.message).toBe('User is missing');
		expect(error.advice).toBe(
			"Enter a username, or an expression for one of the item's fields, which are row_number, handle.",
		);
		expect(refusal(locator(value)).advice).toMatch(/^The item has no fields/);
	});

	it('names no more than ten of them', () => {
		const json = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`f${index}`, index]));
		expect(refusal(locator(''), json).advice).toMatch(/f8, f9 and 2 more\.$/);
	});

	it('tells of a byte order mark, which n8n leaves in the first column of a CSV', () => {
		const { advice } = refusal(locator(undefined), { '\uFEFFusername': 'nba', row: 1 });
		expect(advice).toBe(
			`The item has a field whose name is an invisible byte order mark and "username", as CSV files bring it along: turn on 'Exclude Byte Order Mark (BOM)' in the options of Extract from File.`,
		);
	});

	it('says what it was given instead of a user', () => {
		expect(refusal(locator({ username: 'nba' })).message).toMatch(
			/^User is an object with the field/,
		);
		expect(refusal(locator(['nba'])).message).toBe('User is a list of 1, not one user');
		expect(refusal({ some: 'thing' }).message).toMatch(/^User is an object/);
		expect(refusal(locator('nba', 'list')).message).toMatch(/no way to name a user/);
	});
});

describe('userNamed', () => {
	it('is the user, or what was given where that is none', () => {
		expect(userNamed(context(locator('@NBA')), 0)).toEqual(['@nba']);
		expect(userNamed(context(locator('107955', 'id')), 0)).toEqual(['107955']);
		expect(userNamed(context(locator('two\nwords')), 0)).toEqual(['two words']);
		expect(userNamed(context(locator(undefined)), 0)).toEqual([]);
	});

	it('is nobody where the expression itself fails', () => {
		const failing = {
			getNodeParameter: () => {
				throw new Error('no such node');
			},
		} as unknown as IExecuteFunctions;
		expect(userNamed(failing, 0)).toEqual([]);
	});
});
