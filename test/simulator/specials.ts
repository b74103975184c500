import type { Dialect } from './dialects.ts';

/** How many people and posts the lists of one user hold. */
export interface Totals {
	followers: number;
	following: number;
	posts: number;
}

/** What makes one user an edge case. Whatever is not named is as with everybody else. */
export interface Special {
	/** One line for the reader of a failing test. */
	readonly about: string;
	/** Default: two pages of each list at the largest count. */
	readonly totals?: Totals;
	/** `refused`: profile served, lists answer "This account is private". `unknown`: "Not found user" everywhere. */
	readonly access?: 'refused' | 'unknown';
	/** Where the counters of a profile stand, when not in a top-level `stats`. */
	readonly stats?: 'absent' | 'nested' | 'flat';
	/** What is wrong with the text or the tree of a body; /userid/ stays readable in every case. */
	readonly body?:
		'proto' | 'huge-numbers' | 'string-numbers' | 'printed-numbers' | 'deep' | 'missing-keys';
	/** How every body is written, /userid/ too. */
	readonly dialect?: Dialect;
	readonly text?: 'null-titles' | 'encoded-titles' | 'unicode' | 'lone-surrogate';
	/** How pages follow each other; see paging.ts. */
	readonly paging?:
		| 'repeat'
		| 'cycle'
		| 'endless'
		| 'empty-middle'
		| 'short'
		| 'overlap'
		| 'no-list-at-end'
		| 'null-list-at-end';
	/** What stands in the place of the next bookmark on the last page. */
	readonly lastBookmark?: 'zero' | 'minus-one' | 'absent' | 'unchanged' | 'absent-but-more';
	/** `number`: cursor as a JSON number, hasMore 1 or 0. `string`: time and hasMore as strings. */
	readonly flags?: 'number' | 'string';
	/** Posts do not say when they were made. */
	readonly times?: 'absent';
	/** The oldest post stands first, with `is_top` 1. */
	readonly pinned?: true;
}

export const USUAL_TOTALS: Totals = { followers: 250, following: 220, posts: 50 };

const table = {
	private_user: {
		about: 'profile is served with privateAccount true, all three lists are refused',
		access: 'refused',
	},
	empty_user: {
		about: 'no followers, follows nobody, no posts',
		totals: { followers: 0, following: 0, posts: 0 },
	},
	no_stats: { about: 'the profile has no stats at all', stats: 'absent' },
	nested_stats: { about: 'the counters stand in user.stats', stats: 'nested' },
	flat_stats: { about: 'the counters stand directly in user', stats: 'flat' },
	string_numbers: { about: 'every counter is a numeric string', body: 'string-numbers' },
	null_titles: { about: 'every title is an explicit null', text: 'null-titles' },
	encoded_titles: { about: 'titles are MIME encoded-words', text: 'encoded-titles' },
	pinned_first: { about: 'the oldest post comes first, pinned', pinned: true },
	number_cursor: { about: 'cursor is a number, hasMore is 1 or 0', flags: 'number' },
	string_flags: { about: 'time is a string, hasMore is "true" or "false"', flags: 'string' },
	repeat_cursor: {
		about: 'after the second page the same bookmark comes back for ever, hasMore true',
		totals: { followers: 300, following: 300, posts: 50 },
		paging: 'repeat',
	},
	cycle_cursor: {
		about: 'bookmarks A, B, A, B, ... for ever, hasMore true',
		totals: { followers: 500, following: 500, posts: 90 },
		paging: 'cycle',
	},
	endless_pages: {
		about: 'always a new bookmark and hasMore true, always the same items',
		totals: { followers: 200, following: 200, posts: 35 },
		paging: 'endless',
	},
	empty_middle_page: {
		about: 'an empty page with hasMore true stands between two full ones',
		paging: 'empty-middle',
	},
	short_pages: { about: 'pages hold a third of what was asked, hasMore true', paging: 'short' },
	duplicate_boundary: {
		about: 'each page repeats the last two items of the page before',
		paging: 'overlap',
	},
	last_time_zero: { about: 'the last page ends with bookmark 0', lastBookmark: 'zero' },
	last_time_minus_one: { about: 'the last page ends with bookmark -1', lastBookmark: 'minus-one' },
	last_time_absent: { about: 'the last page has no bookmark', lastBookmark: 'absent' },
	last_time_unchanged: {
		about: 'the last page repeats the bookmark that was asked',
		lastBookmark: 'unchanged',
	},
	more_without_cursor: {
		about: 'the last page says hasMore true but has no bookmark',
		lastBookmark: 'absent-but-more',
	},
	proto_body: {
		about:
			'bodies and items with own "__proto__" and "constructor" keys that must not leak into records',
		body: 'proto',
	},
	huge_numbers: {
		about: 'ids are JSON numbers, ids and counters are above 2^53',
		body: 'huge-numbers',
	},
	unicode_user: {
		about: 'emoji, right-to-left text, combining marks and line separators',
		text: 'unicode',
	},
	lone_surrogate: { about: 'half surrogate pairs in the texts', text: 'lone-surrogate' },
	deep_body: {
		about: 'one field nests 100,000 levels deep; the body is to be refused whole, without harm',
		body: 'deep',
	},
	missing_keys: { about: 'status 200 and an object without the usual keys', body: 'missing-keys' },
	deleted_user: { about: 'not found', access: 'unknown' },
	wrapped_bodies: {
		about: 'every body is the `data` of an envelope with code 0 and msg "success"',
		dialect: 'wrapped',
	},
	php_lists: { about: 'every list is an object with numbers for names', dialect: 'php-lists' },
	php_warnings: {
		about: 'a warning in HTML stands in front of every body',
		dialect: 'php-warning',
	},
	no_list_at_end: {
		about: 'each list ends with a page {"cursor":"0","hasMore":false}, without a list',
		paging: 'no-list-at-end',
	},
	null_list_at_end: {
		about: 'each list ends with a page whose list is null',
		paging: 'null-list-at-end',
	},
	no_list_at_all: {
		about: 'has nothing, and the first page of each list is one without a list',
		totals: { followers: 0, following: 0, posts: 0 },
		paging: 'no-list-at-end',
	},
	tiktok: { about: "TikTok's own account: the one that the credential test asks for" },
	printed_numbers: { about: 'counters are texts such as "12,345"', body: 'printed-numbers' },
	timeless_posts: { about: 'posts have no create_time', times: 'absent' },
} satisfies Record<string, Special>;

export type SpecialName = keyof typeof table;

/** Every edge case by its username. They exist beside the numbered population, whatever its size. */
export const SPECIAL_USERS: Readonly<Record<SpecialName, Special>> = table;
