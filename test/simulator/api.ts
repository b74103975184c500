import type { Person, Population } from './population.ts';
import {
	NOT_FOUND_BODY,
	peopleBody,
	postsBody,
	PRIVATE_BODY,
	userIdBody,
	userInfoBody,
} from './shapes.ts';

/** What an endpoint says to an accepted key when nothing goes wrong. */
export interface PlainAnswer {
	status: number;
	body: string;
	/** `entity-error`: 200, but the user is missing or private; whether that costs a credit is not known. */
	billing: 'free' | 'found' | 'entity-error';
	/** Whom a billed answer is about. */
	username?: string;
}

interface Endpoint {
	user: 'username' | 'userid';
	list: boolean;
	body(population: Population, person: Person, read: ReadNumber): string;
}

/** A whole-number parameter. @throws BadParameter */
type ReadNumber = (name: string, fallback: number) => number;

class BadParameter extends Error {}

const people = (list: 'followers' | 'following'): Endpoint => ({
	user: 'userid',
	list: true,
	body: (population, person, read) =>
		peopleBody(population, person, list, clamp(read('count', 50), 200), read('time', 0)),
});

/** Default and largest counts: 50 and 200 people, 10 and 35 posts. More is cut to the largest. */
const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
	'/userid/': { user: 'username', list: false, body: (_, person) => userIdBody(person) },
	'/userinfo-by-username/': {
		user: 'username',
		list: false,
		body: (_, person) => userInfoBody(person),
	},
	'/userinfo-by-id/': { user: 'userid', list: false, body: (_, person) => userInfoBody(person) },
	'/user-followers/': people('followers'),
	'/user-following/': people('following'),
	'/user-posts/': {
		user: 'userid',
		list: true,
		body: (population, person, read) =>
			postsBody(population, person, clamp(read('count', 10), 35), read('cursor', 0)),
	},
};

/** Answers a request of an accepted key. The path needs its trailing slash. */
export function answerTo(
	population: Population,
	path: string,
	params: URLSearchParams,
): PlainAnswer {
	const endpoint = Object.hasOwn(ENDPOINTS, path) ? ENDPOINTS[path] : undefined;
	if (!endpoint) return refused(404, 'Not found');
	const user = params.get(endpoint.user);
	if (!user) return refused(400, `${endpoint.user} is required`);
	if (endpoint.user === 'userid' && !/^\d{1,30}$/.test(user)) {
		return refused(400, 'userid must be numeric');
	}
	const person = endpoint.user === 'userid' ? population.byId(user) : population.byUsername(user);
	if (!person) return { status: 200, body: NOT_FOUND_BODY, billing: 'entity-error' };
	const { username } = person;
	if (endpoint.list && person.special?.access === 'refused') {
		return { status: 200, body: PRIVATE_BODY, billing: 'entity-error', username };
	}
	try {
		const body = endpoint.body(population, person, readFrom(params));
		return { status: 200, body, billing: 'found', username };
	} catch (error) {
		if (error instanceof BadParameter) return refused(400, error.message);
		throw error;
	}
}

export function readUrl(url: string): { path: string; params: URLSearchParams } {
	const mark = url.indexOf('?');
	return mark < 0
		? { path: url, params: new URLSearchParams() }
		: { path: url.slice(0, mark), params: new URLSearchParams(url.slice(mark + 1)) };
}

function readFrom(params: URLSearchParams): ReadNumber {
	return (name, fallback) => {
		const text = params.get(name);
		if (text === null) return fallback;
		if (!/^-?\d{1,15}$/.test(text)) throw new BadParameter(`${name} must be numeric`);
		return Number(text);
	};
}

function clamp(count: number, largest: number): number {
	return Math.min(Math.max(count, 1), largest);
}

/** An answer that costs nothing. */
export function free(status: number, body: string): PlainAnswer {
	return { status, body, billing: 'free' };
}

function refused(status: number, message: string): PlainAnswer {
	return free(status, JSON.stringify({ status: 'error', message }));
}
