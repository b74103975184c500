import type { EndpointName } from './endpoints';
import type { JsonObject } from './json';
import { isUserId } from './user';

/** An answer that another, already paid answer holds. */
export interface DerivedAnswer {
	endpoint: EndpointName;
	params: Readonly<Record<string, string>>;
	/** As the endpoint itself would have answered. */
	body: string;
}

/**
 * What a paid answer tells beside its own question: a profile names the numeric id of its username,
 * so that a later list of the same user needs no paid `/userid/` look-up.
 */
export function derivedAnswers(
	endpoint: EndpointName,
	params: Readonly<Record<string, string | number>>,
	body: JsonObject,
): DerivedAnswer[] {
	if (endpoint !== 'userInfoByUsername' && endpoint !== 'userInfoById') return [];
	const user = body['user'] as JsonObject | undefined;
	const id = user?.['id'];
	if (!isUserId(id)) return [];
	const names = new Set<string>();
	for (const name of [params['username'], user?.['uniqueId']]) {
		if (typeof name === 'string' && name !== '') names.add(name.toLowerCase());
	}
	return [...names].map((username) => ({
		endpoint: 'userId',
		params: { username },
		body: JSON.stringify({ id }),
	}));
}
