import fc from 'fast-check';
import {
	BODY_PROBLEM_TEXT,
	BodyError,
	isJsonObject,
	MAX_DEPTH,
	parseBody,
	readBody,
	type JsonObject,
	type JsonValue,
} from '../../nodes/shared/api/json';
import { anyUtf16, endsSoon, runs } from '../support/property';

const ID_NAMES = ['id', 'uid', 'video_id', 'ins_id', 'roomId', 'shortId'];

const integers = fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n });

/** What JSON and its damages are made of. */
const pieces = fc.oneof(
	fc.constantFrom(
		...'{}[]:,"'.split(''),
		'{"',
		'":',
		'","',
		'\\',
		' ',
		'\n',
		'\uFEFF',
		'<',
		'<br>',
	),
	fc.constantFrom(
		'null',
		'true',
		'-0',
		'1e400',
		'1.5',
		'12345678901234567890',
		'-9007199254740993',
	),
	fc.constantFrom('"id":', '"__proto__":', '"data":', '"0":', '"\\ud800"', '"\\u0000"', '\uD800'),
	fc.string({ maxLength: 3 }),
);
const soup = fc.array(pieces, { maxLength: 20 }).map((parts) => parts.join(''));

/** A body with something put in, or taken out, at some place. */
const damaged = fc
	.tuple(fc.json(), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat({ max: 3 }), soup)
	.map(([json, share, gone, put]) => {
		const at = Math.floor(json.length * share);
		return json.slice(0, at) + put + json.slice(at + gone);
	});

const nested = fc
	.tuple(
		fc.integer({ min: MAX_DEPTH - 3, max: MAX_DEPTH + 3 }),
		fc.constantFrom('{"a":', '['),
		pieces,
	)
	.map(([levels, open, leaf]) => {
		const inside = open.repeat(levels - 1) + leaf;
		return `{"a":${inside}${(open === '[' ? ']' : '}').repeat(levels - 1)}}`;
	});

const texts = fc.oneof(fc.json(), fc.string(), anyUtf16(), soup, damaged, nested);

/** Every object and list in it, and how deep the deepest lies. */
function walk(root: JsonObject): { nodes: (JsonObject | JsonValue[])[]; depth: number } {
	const nodes: (JsonObject | JsonValue[])[] = [];
	let level: (JsonObject | JsonValue[])[] = [root];
	let depth = 0;
	for (; level.length > 0; depth++) {
		nodes.push(...level);
		level = level
			.flatMap((node): JsonValue[] => (Array.isArray(node) ? node : Object.values(node)))
			.filter((value) => typeof value === 'object' && value !== null);
	}
	return { nodes, depth };
}

describe('any body', () => {
	test('is an object that is safe to hand on, or refused with a BodyError', () => {
		fc.assert(
			fc.property(texts, (text) => {
				const read = readBody(text);
				if (typeof read === 'string') {
					expect(Object.keys(BODY_PROBLEM_TEXT)).toContain(read);
					expect(() => parseBody(text)).toThrow(BodyError);
					return;
				}
				const { body } = read;
				expect(isJsonObject(body)).toBe(true);
				const { nodes, depth } = walk(body);
				expect(depth).toBeLessThanOrEqual(MAX_DEPTH);
				for (const node of nodes) {
					if (!Array.isArray(node)) expect(Object.getPrototypeOf(node)).toBe(Object.prototype);
					expect(Object.hasOwn(node, '__proto__')).toBe(false);
				}
				for (const [name, value] of nodes.flatMap((node) => Object.entries(node))) {
					if (ID_NAMES.includes(name)) expect(typeof value).not.toBe('number');
				}
				// What is stored and read again is the same: cached answers are texts.
				const stored = JSON.stringify(body);
				expect(JSON.stringify(parseBody(stored))).toBe(stored);
			}),
			runs(300),
		);
	});

	test('loses no digit of an integer, wherever it stands', () => {
		const place = fc.constantFrom('{"n":#}', '{"n":[0,#,#]}', '{"a":[{"n":#}]}', '{"user_id":#}');
		fc.assert(
			fc.property(integers, place, (integer, template) => {
				const text = template.replaceAll('#', String(integer));
				const read = JSON.stringify(parseBody(text));
				expect(read.replaceAll(/"(-?\d+)"/g, '$1')).toBe(text);
			}),
			runs(100),
		);
	});

	test('has its ids as the texts that they are, whatever else it holds', () => {
		const ids = fc.oneof(
			fc
				.bigInt({ min: 0n, max: 10n ** 20n })
				.map((digits) => ({ json: String(digits), id: String(digits) })),
			fc.string().map((text) => ({ json: JSON.stringify(text), id: text })),
		);
		fc.assert(
			fc.property(
				...[fc.constantFrom(...ID_NAMES), ids, fc.dictionary(fc.string(), fc.jsonValue())],
				(name, { json, id }, others) => {
					const text = JSON.stringify(others);
					const rest = text === '{}' ? '' : `,${text.slice(1, -1)}`;
					expect(parseBody(`{"list":[{"x":1${rest},"${name}":${json}}]}`)).toMatchObject({
						list: [{ [name]: id }],
					});
				},
			),
			runs(100),
		);
	});

	test('behind a warning is the same, and nothing but the whole of it is read', () => {
		const warning = '<br />\n<b>Warning</b>: Undefined variable $x in /a.php on line 3<br />\n';
		const objects = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 });
		fc.assert(
			fc.property(objects, fc.nat(), (object, cut) => {
				const json = JSON.stringify(object);
				const whole = readBody(json);
				fc.pre(typeof whole !== 'string');
				expect(readBody(warning + json)).toEqual({ ...whole, preceded: true });
				expect(readBody(warning + json.slice(0, cut % json.length))).toBe('html');
			}),
			runs(100),
		);
	});

	test('without ids, big integers and __proto__ is what JSON.parse says', () => {
		const key = fc.string().filter((text) => !/^(?:id|uid)$|_id$|Id$|^__proto__$|^\d+$/.test(text));
		const { tree } = fc.letrec((tie) => ({
			tree: fc.oneof(
				{ depthSize: 'small' },
				fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
				fc.array(tie('tree')),
				fc.dictionary(key, tie('tree')),
			),
		}));
		fc.assert(
			fc.property(fc.dictionary(key, tree), (body) => {
				const text = JSON.stringify(body);
				expect(parseBody(text)).toEqual(JSON.parse(text));
			}),
			runs(100),
		);
	});

	test.each([
		...[
			' ',
			'\n',
			'[',
			'{',
			'"',
			',',
			':',
			'[ ',
			': ',
			', ',
			'<',
			'< ',
			'<br>',
			'1',
			'-1 ',
			'[1',
			': 1',
		],
		...['{"a":', '[[],', '\\', '\uFEFF', '{} ', '1234567890123456', ' 123456789012345'],
	])('of very many %j is read in no time', (unit) => {
		endsSoon(readBody, unit);
		endsSoon((text) => readBody(JSON.stringify({ a: text, n: 1 })), unit);
	});
});
