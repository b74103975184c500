export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;

export interface JsonObject {
	[key: string]: JsonValue;
}

/** Real bodies nest 4 deep; 100 leaves room and keeps every recursive reader after us safe. */
export const MAX_DEPTH = 100;

/** `empty`, `html` and `not-json` were not readable; the others were, but are not what the API answers with. */
export type BodyProblem = 'empty' | 'html' | 'not-json' | 'not-object' | 'too-deep';

/** Ends the sentence "TikLiveAPI answered with …". */
export const BODY_PROBLEM_TEXT: Readonly<Record<BodyProblem, string>> = {
	empty: 'an empty body',
	html: 'a web page instead of JSON',
	'not-json': 'a body that is not valid JSON',
	'not-object': 'JSON that is not an object',
	'too-deep': `JSON nested more than ${MAX_DEPTH} levels deep`,
};

/** A body that holds no usable object. The message never quotes the body. */
export class BodyError extends Error {
	override readonly name = 'BodyError';

	constructor(readonly problem: BodyProblem) {
		super(BODY_PROBLEM_TEXT[problem]);
	}
}

/** Could the text hold a number of 16 digits or more? Digits inside strings seldom match: most follow a quote. */
const MAYBE_BIG_INTEGER = /[[:,][ \t\n\r]*-?\d{16}/;

const ID_FIELD = /^(?:id|uid)$|_id$|Id$/;

/** Could the text hold an id with a point or an exponent? PHP writes integers so that it took for floats. */
const MAYBE_FLOAT_ID = /[iI]d"[ \t\n\r]*:[ \t\n\r]*-?\d+[.eE]/;

/** What may stand in front of the JSON: a page's or a message's tags, or PHP's messages without tags. */
const PREAMBLE =
	/^\s*(?:<|(?:PHP )?(?:Warning|Notice|Deprecated|Strict Standards|Parse error|Fatal error)\b)/i;

/**
 * Where JSON may begin behind it: after a tag, or on a line of its own. Inside JSON an object follows one of `[:,`, and
 * a string holds neither line breaks nor plain quotes, so that no part of a body that was cut is taken for the whole.
 */
const MAYBE_START = />\s*(?=\{\s*")|[^\s[:,>][^\S\n]*\n\s*(?=\{\s*")/g;

/** Each try reads the rest of the text once. */
const MAX_STARTS = 10;

export interface ReadBody {
	body: JsonObject;
	/** The JSON stood behind something else, such as a warning of PHP. */
	preceded: boolean;
}

/** The body, or what is wrong with it, for a reader who goes on either way. See `parseBody`. */
export function readBody(text: string): ReadBody | BodyProblem {
	const whole = text.replace(/^\uFEFF/, '');
	const found = parseJson(whole) ?? parseBehind(whole);
	if (found === undefined) return unreadable(whole);
	const { json, root } = found;
	if (!isJsonObject(root)) return 'not-object';
	if (!normalise(root)) return 'too-deep';
	const preceded = json !== whole;
	if (!MAYBE_BIG_INTEGER.test(json) && !MAYBE_FLOAT_ID.test(json)) return { body: root, preceded };

	// A reviver recurses and is slow, so it runs only if needed, and only now that the depth is known.
	const exact: JsonObject = JSON.parse(json, keepExact);
	normalise(exact);
	return { body: exact, preceded };
}

/**
 * Reads a body into an object that is safe to hand on: integers beyond 2^53 become strings with all their
 * digits; ids are strings even where the API sent numbers, and null where such a number is not exact; own
 * `__proto__` keys are gone.
 *
 * @throws BodyError
 */
export function parseBody(text: string): JsonObject {
	const read = readBody(text);
	if (typeof read === 'string') throw new BodyError(read);
	return read.body;
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Undefined for what is not JSON. V8 reads any depth without recursion. */
function parseJson(json: string): { json: string; root: JsonValue } | undefined {
	try {
		return { json, root: JSON.parse(json) };
	} catch {
		return undefined;
	}
}

function unreadable(text: string): BodyProblem {
	if (text.trim() === '') return 'empty';
	return /^\s*</.test(text) ? 'html' : 'not-json';
}

/** The JSON at the end of a text that begins with something else. It must be all the rest. */
function parseBehind(text: string): ReturnType<typeof parseJson> {
	if (!PREAMBLE.test(text)) return undefined;
	let starts = 0;
	for (const { index, 0: before } of text.matchAll(MAYBE_START)) {
		const found = parseJson(text.slice(index + before.length));
		if (found !== undefined || ++starts === MAX_STARTS) return found;
	}
	return undefined;
}

/** TypeScript's library does not know the third argument yet (JSON.parse source text access, Node >= 21). */
function keepExact(key: string, value: JsonValue, context?: { source?: string }): JsonValue {
	if (typeof value !== 'number') return value;
	const source = context?.source ?? '';
	if (ID_FIELD.test(key) && /[.eE]/.test(source)) return null;
	return !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? source : value;
}

/**
 * Level by level and without recursion, so that no depth can overflow the stack. Changes `root` in place.
 * Returns false when it is nested too deep.
 */
function normalise(root: JsonObject): boolean {
	let level: (JsonObject | JsonValue[])[] = [root];
	for (let depth = 1; level.length > 0; depth++) {
		if (depth > MAX_DEPTH) return false;
		const below: (JsonObject | JsonValue[])[] = [];
		for (const node of level) {
			if (Array.isArray(node)) {
				for (const value of node)
					if (typeof value === 'object' && value !== null) below.push(value);
			} else {
				normaliseObject(node, below);
			}
		}
		level = below;
	}
	return true;
}

function normaliseObject(node: JsonObject, below: (JsonObject | JsonValue[])[]): void {
	for (const key of Object.keys(node)) {
		if (key === '__proto__') {
			delete node[key];
			continue;
		}
		const value = node[key];
		if (typeof value === 'object' && value !== null) below.push(value);
		else if (typeof value === 'number' && ID_FIELD.test(key)) {
			node[key] = Number.isSafeInteger(value) ? String(value) : null;
		}
	}
}
