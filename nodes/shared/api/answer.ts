import { ENDPOINTS, type Endpoint, type EndpointName } from './endpoints';
import { isJsonObject, type JsonObject, type JsonValue } from './json';
import { isUserId } from './user';

/** What `code` says in an envelope that holds a success. */
const SUCCESS_CODES: ReadonlySet<number> = new Set([0, 200]);

const SUCCESS_TEXT = /^\s*(?:success|ok\b)/i;

/** `status: error`, or the `code` and `msg` of this family of APIs where they do not tell of a success. */
export function isErrorEnvelope(body: JsonObject): boolean {
	return isStatusError(body) || isCodeError(body);
}

export function isStatusError({ status }: JsonObject): boolean {
	return typeof status === 'string' && status.toLowerCase() === 'error';
}

function isCodeError({ code, msg, message = null }: JsonObject): boolean {
	const number = toCode(code);
	const text = msg ?? message;
	return (
		number !== undefined &&
		!SUCCESS_CODES.has(number) &&
		typeof text === 'string' &&
		!SUCCESS_TEXT.test(text)
	);
}

function toCode(code: JsonValue | undefined): number | undefined {
	const isCode = typeof code === 'number' || (typeof code === 'string' && /^-?\d+$/.test(code));
	return isCode ? Number(code) : undefined;
}

/**
 * The body itself where it stands in an envelope: `{"code":0,"msg":"success","data":{...}}`, or just `data`.
 * A body that holds at top level what the endpoint answers with is in none, whatever its `data` is.
 */
export function unwrap(endpoint: EndpointName, whole: JsonObject): JsonObject {
	const { list }: Endpoint = ENDPOINTS[endpoint];
	const { data, ...around } = whole;
	if (data === undefined || hasContent(endpoint, whole)) return whole;
	if (!list) return isJsonObject(data) ? data : whole;

	// In a list, what is around `data` may say how to go on; and `data` may be the list. PHP writes nothing as [].
	const items = toItems(data);
	const isNothing = data === null || items?.length === 0;
	if (isNothing && !SUCCESS_CODES.has(toCode(whole['code']) ?? NaN)) return whole;
	if (isNothing || items !== undefined) return { ...around, [list.key]: data };
	return isJsonObject(data) ? { ...pagingOf(around, list.paging), ...data } : whole;
}

/**
 * The body in the form that the rest of the package knows, or undefined when it cannot be what was asked for. Asks
 * only for what the endpoint always has; everything else may be null or missing.
 *
 * @param mayLack a list that is null, or missing beside `hasMore`, is an empty one: TikTok ends lists with such a
 * page (facts section 10)
 */
export function contentOf(
	endpoint: EndpointName,
	body: JsonObject,
	mayLack: boolean,
): JsonObject | undefined {
	if (hasContent(endpoint, body)) return body;
	const { list }: Endpoint = ENDPOINTS[endpoint];
	if (!list) return undefined;
	const value = body[list.key];
	const items = value === null || isListless(body, list.key) ? [] : toItems(value);
	const isRead = items !== undefined && (mayLack || isJsonObject(value));
	return isRead ? { ...body, [list.key]: items } : undefined;
}

/** Says whether there is more, and holds no list: one of another name would be the list, renamed. */
function isListless(body: JsonObject, key: string): boolean {
	return (
		body[key] === undefined &&
		(Object.hasOwn(body, 'hasMore') || Object.hasOwn(body, 'has_more')) &&
		!Object.values(body).some((value) => Array.isArray(value) && value.length > 0)
	);
}

function hasContent(endpoint: EndpointName, body: JsonObject): boolean {
	const { list }: Endpoint = ENDPOINTS[endpoint];
	return list ? Array.isArray(body[list.key]) : isUserId(holderOfId(endpoint, body)?.['id']);
}

/** The part of a body in which the id of the user stands. */
function holderOfId(endpoint: EndpointName, body: JsonObject): JsonObject | undefined {
	const holder = endpoint === 'userId' ? body : body['user'];
	return isJsonObject(holder) ? holder : undefined;
}

/** PHP writes a list with gaps as an object with numbers for names. Undefined for anything else. */
function toItems(value: JsonValue | undefined): JsonValue[] | undefined {
	if (Array.isArray(value)) return value;
	if (!isJsonObject(value) || !Object.keys(value).every((name) => /^\d+$/.test(name))) {
		return undefined;
	}
	return Object.entries(value)
		.sort(([a], [b]) => Number(a) - Number(b))
		.map(([, item]) => item);
}

function pagingOf(body: JsonObject, cursor: string): JsonObject {
	const names = ['hasMore', 'has_more', cursor];
	const entries = names.flatMap((name) => (Object.hasOwn(body, name) ? [[name, body[name]]] : []));
	return Object.fromEntries(entries) as JsonObject;
}

/** What a body lacks that is no content. */
export function missingField(endpoint: EndpointName): string {
	const { list }: Endpoint = ENDPOINTS[endpoint];
	return list?.key ?? (endpoint === 'userId' ? 'id' : 'user.id');
}
