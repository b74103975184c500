import type {
	IExecuteFunctions,
	INodeParameterResourceLocator,
	INodeProperties,
} from 'n8n-workflow';
import { InvalidInput, parseUser, type UserRef } from '../api';

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
	const { mode, value } = context.getNodeParameter(
		'user',
		itemIndex,
	) as INodeParameterResourceLocator;
	if (mode === 'username' || mode === 'url' || mode === 'id') return parseUser(mode, value);
	throw new InvalidInput(
		'User',
		`"${mode}" is no way to name a user`,
		'Choose By Username, By URL or By ID.',
	);
}
