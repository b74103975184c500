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

/** TikTok numbers its accounts with 64 bits, so a number this long that somebody gives as a name is most likely an id. */
const LIKE_AN_ID = /^\d{15,24}$/;

const WEB_PROTOCOLS: ReadonlySet<string> = new Set(['http:', 'https:']);
/** The site answers under a name for each region (us.tiktok.com) and for phones (m.tiktok.com). */
const PROFILE_HOST = /^(?:[\w-]+\.)*tiktok\.com\.?$/;
const SHORT_LINK_HOSTS: ReadonlySet<string> = new Set(['vm.tiktok.com', 'vt.tiktok.com']);
const HANDLE_PATH = /^\/+(?:@|%40)([^/]+)/;
/** The app's older way to share a profile. */
const SHARED_ID_PATH = /^\/+(?:h5\/)?share\/(?:usr|user)\/(\d{1,25})(?:\.html)?\/?$/;

/** How every secUid begins: an inner id of TikTok, some 76 characters of base64. */
const SEC_UID = /^@?MS4wLjAB[\w-]{16,}$/;

/** Quotes and brackets that come along when an address is copied out of a text or a sheet. */
const WRAPPING = '\\s\\p{Cf}"\'`“”„«»‘’<>';
const WRAPPED = new RegExp(`^[${WRAPPING}]+|[${WRAPPING}]+$`, 'gu');
const MARKDOWN_LINK = /^\[[^\]]*\]\((.+)\)$/s;
/** What a sentence puts behind an address. */
const AFTER_ADDRESS = /[),;!]+$/;

export function isUserId(value: unknown): value is string {
	return typeof value === 'string' && USER_ID.test(value);
}

/** Whether a username was most likely meant as an id. */
export function looksLikeId(username: string): boolean {
	return LIKE_AN_ID.test(username);
}

/**
 * A handle as people paste it: "@Name ", "＠name", or the address of the profile.
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
	const text = inputText(value, EXAMPLE_URL).replace(AFTER_ADDRESS, '');
	// A text that begins with // is fine too: the URL parser passes over further slashes.
	const address = /^[a-z]+:\/\//i.test(text) ? text : `https://${text}`;
	if (!URL.canParse(address)) throw refused(text, 'is not a web address', EXAMPLE_URL);

	const { protocol, hostname, pathname } = new URL(address);
	const isTikTok = WEB_PROTOCOLS.has(protocol) && PROFILE_HOST.test(hostname);
	if (!isTikTok) throw refused(text, 'is not an address on tiktok.com', EXAMPLE_URL);
	const name = HANDLE_PATH.exec(pathname)?.[1];
	if (name !== undefined) return usernameRef(name);
	const id = SHARED_ID_PATH.exec(pathname)?.[1];
	if (id !== undefined) return { kind: 'id', id };
	if (SHORT_LINK_HOSTS.has(hostname) || /^\/t\//.test(pathname)) {
		throw refused(
			text,
			'is a short link, which does not name the user',
			'Open the link in a browser and enter the address that it leads to, such as https://www.tiktok.com/@tiktok.',
		);
	}
	throw refused(text, 'is not the address of a profile', EXAMPLE_URL);
}

/**
 * The numeric id, digits only. A number is taken if it is exact; TikTok's ids mostly are not, beyond 2^53.
 *
 * @throws InvalidInput
 */
export function parseUserId(value: unknown): UserRef {
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
	if (SEC_UID.test(text)) {
		throw refused(
			text,
			'is a secUid, an inner id of TikTok that TikLiveAPI does not take',
			'Enter the username that the profile shows after the @, or the numeric user id.',
		);
	}
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

/** Expressions hand over numbers as well as text; copied names bring quotes and invisible characters along. */
function inputText(value: unknown, advice: string): string {
	if (typeof value === 'number' && value > Number.MAX_SAFE_INTEGER) {
		throw new InvalidInput(
			PARAMETER,
			'The user id arrived as a number and has lost its last digits',
			'Pass the id as text, or give the username.',
		);
	}
	const text = typeof value === 'number' ? String(value) : value;
	if (typeof text !== 'string') throw notText(text, advice);
	const halfWidth = text.replace(/[\uFF01-\uFF5E]/g, (wide) =>
		String.fromCharCode(wide.charCodeAt(0) - 0xfee0),
	);
	const bare = halfWidth.replace(WRAPPED, '');
	const trimmed = MARKDOWN_LINK.exec(bare)?.[1]?.replace(WRAPPED, '') ?? bare;
	if (trimmed === '') throw new InvalidInput(PARAMETER, 'User is empty', advice);
	return trimmed;
}

/** What an expression gave instead of a name. */
function notText(value: unknown, advice: string): InvalidInput {
	if (value === undefined || value === null) {
		return new InvalidInput(PARAMETER, 'User is missing', advice);
	}
	if (Array.isArray(value)) {
		const split = 'Make one item of each user, with Split Out, and give the field that names it.';
		return new InvalidInput(PARAMETER, `User is a list of ${value.length}, not one user`, split);
	}
	if (typeof value !== 'object') {
		return new InvalidInput(PARAMETER, `User is a ${typeof value}, which names nobody`, advice);
	}
	const fields = Object.keys(value)
		.slice(0, 10)
		.map((name) => plainText(name, 40));
	const field = 'Give the one of its fields that names the user, such as {{ $json.username }}.';
	return new InvalidInput(
		PARAMETER,
		`User is an object${fields.length > 0 ? ` with the fields ${fields.join(', ')}` : ''}, not one user`,
		field,
	);
}

function refused(text: string, why: string, advice: string): InvalidInput {
	return new InvalidInput(PARAMETER, `"${plainText(text, 80)}" ${why}`, advice);
}
