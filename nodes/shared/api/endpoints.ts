import { InvalidInput } from './failure';
import { isUserId } from './user';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** What a parameter may hold: some text, an id (digits), a page size, or a cursor as the API gave it. */
export type ParameterType = 'text' | 'id' | 'count' | 'cursor';

export type Parameter = { readonly name: string; readonly required: boolean } & (
	| { readonly type: Exclude<ParameterType, 'count'> }
	| {
			readonly type: 'count';
			/** Largest value that the API honours. */
			readonly max: number;
	  }
);

export interface ListShape {
	/** The field of the body that holds the list. */
	readonly key: string;
	/** The name of the paging cursor, both as a parameter and as a field of the body. */
	readonly paging: 'time' | 'cursor';
	/** Largest `count` that is worth asking for. */
	readonly maxPageSize: number;
}

export interface Endpoint {
	/** Ends in a slash: what the API does without it is unknown, and every known client sends it. */
	readonly path: string;
	readonly parameters: readonly Parameter[];
	readonly list: ListShape | null;
	/** How old a stored answer may be when the caller does not say. */
	readonly defaultMaxAgeMs: number;
	/** How long an answer stays in the store, for callers that accept an older one. */
	readonly keepMs: number;
	/** How long a missing user is remembered; each time of asking would cost a credit. */
	readonly notFoundMs: number;
}

/** A profile changes slowly, and caching it for an hour can halve the spend (facts: SEED). */
const PROFILE_MAX_AGE_MS = HOUR_MS;
/** An immediate re-run while building a workflow costs nothing, yet a 5-minute schedule gets no old page. */
const LIST_MAX_AGE_MS = MINUTE_MS;
/** A handle keeps its numeric id for as long as the account lives (facts: TSPROV caches it for ever). */
const USER_ID_MAX_AGE_MS = 30 * DAY_MS;
const NOT_FOUND_MS = 10 * MINUTE_MS;

/** 200: the documented maximum of the API family, and what the vendor's blog sends (facts section 1). */
const PEOPLE_PAGE = 200;
/** 35: from the API's reference as cited by TSPROV; the vendor's blog sends it too (facts section 1). */
const POSTS_PAGE = 35;

function peopleList(path: string, key: string) {
	return {
		path,
		parameters: [
			{ name: 'userid', type: 'id', required: true },
			{ name: 'count', type: 'count', required: false, max: PEOPLE_PAGE },
			{ name: 'time', type: 'cursor', required: false },
		],
		list: { key, paging: 'time', maxPageSize: PEOPLE_PAGE },
		defaultMaxAgeMs: LIST_MAX_AGE_MS,
		keepMs: DAY_MS,
		notFoundMs: NOT_FOUND_MS,
	} as const satisfies Endpoint;
}

/** Every endpoint that the package uses. All are GET with a query string. */
export const ENDPOINTS = {
	userId: {
		path: '/userid/',
		parameters: [{ name: 'username', type: 'text', required: true }],
		list: null,
		defaultMaxAgeMs: USER_ID_MAX_AGE_MS,
		keepMs: USER_ID_MAX_AGE_MS,
		notFoundMs: NOT_FOUND_MS,
	},
	userInfoByUsername: {
		path: '/userinfo-by-username/',
		parameters: [{ name: 'username', type: 'text', required: true }],
		list: null,
		defaultMaxAgeMs: PROFILE_MAX_AGE_MS,
		keepMs: DAY_MS,
		notFoundMs: NOT_FOUND_MS,
	},
	userInfoById: {
		path: '/userinfo-by-id/',
		parameters: [{ name: 'userid', type: 'id', required: true }],
		list: null,
		defaultMaxAgeMs: PROFILE_MAX_AGE_MS,
		keepMs: DAY_MS,
		notFoundMs: NOT_FOUND_MS,
	},
	userFollowers: peopleList('/user-followers/', 'followers'),
	userFollowing: peopleList('/user-following/', 'followings'),
	userPosts: {
		path: '/user-posts/',
		parameters: [
			{ name: 'userid', type: 'id', required: true },
			{ name: 'count', type: 'count', required: false, max: POSTS_PAGE },
			{ name: 'cursor', type: 'cursor', required: false },
		],
		list: { key: 'videos', paging: 'cursor', maxPageSize: POSTS_PAGE },
		defaultMaxAgeMs: LIST_MAX_AGE_MS,
		keepMs: DAY_MS,
		notFoundMs: NOT_FOUND_MS,
	},
} as const satisfies Record<string, Endpoint>;

export type EndpointName = keyof typeof ENDPOINTS;

/** The endpoints that answer page by page. */
export type ListEndpoint = {
	[E in EndpointName]: (typeof ENDPOINTS)[E]['list'] extends ListShape ? E : never;
}[EndpointName];

export type Params = Readonly<Record<string, string | number>>;

/**
 * The address of one request. Parameters are sorted, so that the same request is always the same text.
 *
 * @param baseUrl with or without a trailing slash
 * @throws InvalidInput for a parameter that is missing, unknown or of the wrong kind: no credit is spent on it
 */
export function buildUrl(baseUrl: string, endpoint: EndpointName, params: Params): string {
	const { path, parameters }: Endpoint = ENDPOINTS[endpoint];
	for (const parameter of parameters) {
		const value = params[parameter.name];
		if (value === undefined ? parameter.required : !isValid(value, parameter)) {
			throw new InvalidInput(
				parameter.name,
				`${path} needs ${parameter.name} to be ${expectation(parameter)}`,
				`Give ${parameter.name} as ${expectation(parameter)}.`,
			);
		}
	}
	const query = new URLSearchParams();
	for (const [name, value] of sortedEntries(params)) {
		if (!parameters.some((parameter) => parameter.name === name)) {
			throw new InvalidInput(name, `${path} has no parameter ${name}`, `Remove ${name}.`);
		}
		query.append(name, String(value));
	}
	return `${baseUrl.replace(/\/+$/, '')}${path}?${query}`;
}

/**
 * The parameters as one text for a cache key: sorted, and with their types, so that two different requests
 * never share a text. JSON keeps names and values apart whatever `&`, `=` or quotes they hold.
 */
export function canonicalParams(params: Params): string {
	return JSON.stringify(sortedEntries(params));
}

function sortedEntries(params: Params): [string, string | number][] {
	return Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1));
}

function isValid(value: string | number, parameter: Parameter): boolean {
	switch (parameter.type) {
		case 'text':
			return typeof value === 'string' && value !== '';
		case 'id':
			return isUserId(value);
		case 'count':
			return (
				typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= parameter.max
			);
		case 'cursor':
			return typeof value === 'string' ? value !== '' : Number.isFinite(value);
	}
}

function expectation(parameter: Parameter): string {
	switch (parameter.type) {
		case 'text':
			return 'a text that is not empty';
		case 'id':
			return 'an id in digits, as text';
		case 'count':
			return `a whole number from 1 to ${parameter.max}`;
		case 'cursor':
			return 'a cursor of an earlier page, or 0';
	}
}
