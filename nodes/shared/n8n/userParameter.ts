import type {
	IExecuteFunctions,
	INodeParameterResourceLocator,
	INodeProperties,
} from 'n8n-workflow';
import { InvalidInput, parseUser, plainText, userKey, type UserRef } from '../api';

const BYTE_ORDER_MARK = '\uFEFF';
const MOST_FIELDS_NAMED = 10;

/**
 * The patterns are what the form checks, and let through the spaces and invisible characters that come with
 * a copied name; parseUser() has the exact answer, also for expressions.
 */
export const userParameter: INodeProperties = {
	displayName: 'User',
	name: 'user',
	type: 'resourceLocator',
	default: { mode: 'username', value: '' },
	required: true,
	description: 'The TikTok user to look up',
	modes: [
		{
			displayName: 'By Username',
			name: 'username',
			type: 'string',
			placeholder: 'e.g. tiktok',
			hint: 'With or without @',
			validation: [
				{
					type: 'regex',
					properties: {
						regex: '(?:\\W*[\\w.]{1,24}\\W*|.*tiktok\\.com\\/.+)',
						errorMessage: 'A TikTok username has up to 24 letters, digits, underscores and periods',
					},
				},
			],
		},
		{
			displayName: 'By URL',
			name: 'url',
			type: 'string',
			placeholder: 'e.g. https://www.tiktok.com/@tiktok',
			hint: 'The address of the profile or of one of its posts',
			validation: [
				{
					type: 'regex',
					properties: {
						regex: '.*tiktok\\.com\\/.+',
						errorMessage: 'Enter the address of a profile on tiktok.com',
					},
				},
			],
		},
		{
			displayName: 'By ID',
			name: 'id',
			type: 'string',
			placeholder: 'e.g. 107955',
			hint: 'The numeric ID, which stays the same when the username changes',
			validation: [
				{
					type: 'regex',
					properties: {
						regex: '\\W*[0-9]{1,25}\\W*',
						errorMessage: 'A TikTok user ID consists of digits',
					},
				},
			],
		},
	],
};

/**
 * The user of one item, cleaned up.
 *
 * @throws InvalidInput
 */
export function readUser(context: IExecuteFunctions, itemIndex: number): UserRef {
	const { mode, value } = locatorOf(context, itemIndex);
	if (value === undefined || value === null || value === '') {
		throw new InvalidInput('User', 'User is missing', fieldAdvice(context, itemIndex));
	}
	if (mode === 'username' || mode === 'url' || mode === 'id') return parseUser(mode, value);
	throw new InvalidInput(
		'User',
		`"${mode}" is no way to name a user`,
		'Choose By Username, By URL or By ID.',
	);
}

/** Whom an item is about, for one that cannot be used: as far as that can be told, and as it was given otherwise. */
export function userNamed(context: IExecuteFunctions, itemIndex: number): string[] {
	try {
		return [userKey(readUser(context, itemIndex))];
	} catch {
		return givenText(context, itemIndex);
	}
}

function givenText(context: IExecuteFunctions, itemIndex: number): string[] {
	try {
		const { value } = locatorOf(context, itemIndex);
		const text = typeof value === 'string' || typeof value === 'number' ? String(value) : '';
		return text === '' ? [] : [plainText(text, 80)];
	} catch {
		// An expression that cannot be evaluated names nobody.
		return [];
	}
}

/** A workflow that was not made in the editor may hold a plain text. */
function locatorOf(
	context: IExecuteFunctions,
	itemIndex: number,
): { mode: string; value: unknown } {
	const user: unknown = context.getNodeParameter('user', itemIndex);
	const isLocator = typeof user === 'object' && user !== null && 'mode' in user && 'value' in user;
	return isLocator ? (user as INodeParameterResourceLocator) : { mode: 'username', value: user };
}

/** Which fields the item has, since an expression that names none of them gives nothing. */
function fieldAdvice(context: IExecuteFunctions, itemIndex: number): string {
	const names = Object.keys(context.getInputData()[itemIndex]?.json ?? {});
	const marked = names.find((name) => name.startsWith(BYTE_ORDER_MARK));
	if (marked !== undefined) {
		const name = plainText(marked, 40);
		return `The item has a field whose name is an invisible byte order mark and "${name}", as CSV files bring it along: turn on 'Exclude Byte Order Mark (BOM)' in the options of Extract from File.`;
	}
	if (names.length === 0) return 'The item has no fields. Enter a username such as "tiktok".';
	const shown = names.slice(0, MOST_FIELDS_NAMED).map((name) => plainText(name, 40));
	const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : '';
	return `Enter a username, or an expression for one of the item's fields, which are ${shown.join(', ')}${more}.`;
}
