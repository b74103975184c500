import { InvalidInput } from './failure';
import { plainText } from './plainText';

/** A TikTok user as a person names one: by handle, or by the numeric id, which outlives a change of handle. */
export type UserRef =
	| { readonly kind: 'username'; readonly username: string }
	| { readonly kind: 'id'; readonly id: string };

const PARAMETER = 'User';
const EXAMPLE_USERNAME = 'Enter a username such as "tiktok", without spaces.';
const EXAMPLE_URL = 'Enter the address of a profile, such as https://www.tiktok.com/@tiktok.';
const EXAMPLE_ID = 'Enter the numeric user id, such as 107955.';

/**
 * TikTok's own rule for new names: 2 to 24 letters, digits, underscores and periods, no period at the end.
 * One character is let through as well, since a few early accounts have such names; a period at the start
 * exists too. Lower case: TikTok ignores case.
 */
const USERNAME = /^[a-z0-9_.]{0,23}[a-z0-9_]$/;

/** Ids have up to 19 digits today (64 bit). 25 leaves room and still refuses a pasted card number list. */
const USER_ID = /^\d{1,25}$/;

const WEB_PROTOCOLS: ReadonlySet<string> = new Set(['http:', 'https:']);
const PROFILE_HOSTS: ReadonlySet<string> = new Set([
	'tiktok.com',
	'www.tiktok.com',
	'm.tiktok.com',
]);
const SHORT_LINK_HOSTS: ReadonlySet<string> = new Set(['vm.tiktok.com', 'vt.tiktok.com']);

export function isUserId(value: unknown): value is string {
	return typeof value === 'string' && USER_ID.test(value);
}

/**
 * A handle as people paste it: "@Name ", " name", or the address of the profile.
 *
 * @throws InvalidInput
 */
export function parseUsername(value: unknown): UserRef {
	const text = inputText(value, EXAMPLE_USERNAME);
	return /:\/\/|tiktok\.com\//i.test(text) ? parseProfileUrl(text) : usernameRef(text);
}

/**
 * The address of a profile, or of anything below it such as a post; scheme and `www.` may be missing.
 *
 * @throws InvalidInput, also for short links (vm.tiktok.com), which do not name the user
 */
export function parseProfileUrl(value: unknown): UserRef {
	const text = inputText(value, EXAMPLE_URL);
	// A text that begins with // is fine too: the URL parser passes over further slashes.
	const address = /^[a-z]+:\/\//i.test(text) ? text : `https://${text}`;
	if (!URL.canParse(address)) throw refused(text, 'is not a web address', EXAMPLE_URL);

	const { protocol, hostname, pathname } = new URL(address);
	if (SHORT_LINK_HOSTS.has(hostname) || (PROFILE_HOSTS.has(hostname) && /^\/t\//.test(pathname))) {
		throw refused(
			text,
			'is a short link, which does not name the user',
			'Open the link in a browser and enter the address that it leads to, such as https://www.tiktok.com/@tiktok.',
		);
	}
	if (!WEB_PROTOCOLS.has(protocol) || !PROFILE_HOSTS.has(hostname)) {
		throw refused(text, 'is not an address on tiktok.com', EXAMPLE_URL);
	}
	const name = /^\/+(?:@|%40)([^/]+)/.exec(pathname)?.[1];
	if (name === undefined) throw refused(text, 'is not the address of a profile', EXAMPLE_URL);
	return usernameRef(name);
}

/**
 * The numeric id, digits only. A number is taken if it is exact; TikTok's ids mostly are not, beyond 2^53.
 *
 * @throws InvalidInput
 */
export function parseUserId(value: unknown): UserRef {
	if (typeof value === 'number' && value > Number.MAX_SAFE_INTEGER) {
		throw new InvalidInput(
			PARAMETER,
			'The user id arrived as a number and has lost its last digits',
			'Pass the id as text, or give the username.',
		);
	}
	const text = inputText(value, EXAMPLE_ID);
	if (!isUserId(text)) throw refused(text, 'is not a TikTok user id', EXAMPLE_ID);
	return { kind: 'id', id: text };
}

/** @throws InvalidInput */
export function parseUser(mode: 'username' | 'url' | 'id', value: unknown): UserRef {
	switch (mode) {
		case 'username':
			return parseUsername(value);
		case 'url':
			return parseProfileUrl(value);
		case 'id':
			return parseUserId(value);
	}
}

function usernameRef(text: string): UserRef {
	const username = text.replace(/^@/, '').toLowerCase();
	if (!USERNAME.test(username)) {
		throw refused(
			text,
			'is not a TikTok username',
			'Usernames have up to 24 letters, digits, underscores and periods, and do not end in a period.',
		);
	}
	return { kind: 'username', username };
}

/** Expressions hand over numbers as well as text; copied names carry invisible characters at their ends. */
function inputText(value: unknown, advice: string): string {
	const text = typeof value === 'number' ? String(value) : value;
	if (typeof text !== 'string') throw new InvalidInput(PARAMETER, 'User is missing', advice);
	const trimmed = text.replace(/^[\s\p{Cf}]+|[\s\p{Cf}]+$/gu, '');
	if (trimmed === '') throw new InvalidInput(PARAMETER, 'User is empty', advice);
	return trimmed;
}

function refused(text: string, why: string, advice: string): InvalidInput {
	return new InvalidInput(PARAMETER, `"${plainText(text, 80)}" ${why}`, advice);
}
