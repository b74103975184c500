import {
	BodyError,
	isJsonObject,
	MAX_DEPTH,
	parseBody,
	readBody,
	type BodyProblem,
} from '../../nodes/shared/api/json';

const nested = (levels: number, open = '{"a":', leaf = '1', close = '}') =>
	open.repeat(levels) + leaf + close.repeat(levels);

/** How often JSON.parse runs meanwhile. */
function parsesOf(work: () => unknown): number {
	const parse = jest.spyOn(JSON, 'parse');
	try {
		work();
		return parse.mock.calls.length;
	} finally {
		parse.mockRestore();
	}
}

describe('parseBody', () => {
	test.each<[string, string, BodyProblem]>([
		['an empty body', '', 'empty'],
		['only white space', ' \r\n\t', 'empty'],
		['only a byte order mark', '\uFEFF', 'empty'],
		['a web page', '<!DOCTYPE html><html></html>', 'html'],
		['a web page after a line break', '\n  <html>', 'html'],
		['text', 'Bad Gateway', 'not-json'],
		['text with a tag', 'Error <b>502</b>', 'not-json'],
		['a body that was cut', '{"followers":[{"id":"1"', 'not-json'],
		['NaN', '{"count":NaN}', 'not-json'],
		['single quotes', "{'a':1}", 'not-json'],
		['two bodies', '{}{}', 'not-json'],
		['null', 'null', 'not-object'],
		['a list', '[{"id":"1"}]', 'not-object'],
		['a text', '"hello"', 'not-object'],
		['a number', '12', 'not-object'],
		['false', 'false', 'not-object'],
		['101 levels', nested(101), 'too-deep'],
		['101 levels of lists', `{"a":${nested(100, '[', '', ']')}}`, 'too-deep'],
		['100,000 levels', nested(100_000), 'too-deep'],
		['100,000 levels of lists', `{"a":${nested(100_000, '[', '', ']')}}`, 'too-deep'],
		['100,000 levels and a big integer', nested(100_000, '{"a":', '9'.repeat(20)), 'too-deep'],
	])('refuses %s', (_title, text, problem) => {
		expect(readBody(text)).toBe(problem);
		expect(() => parseBody(text)).toThrow(BodyError);
		expect(() => parseBody(text)).toThrow(expect.objectContaining({ problem, name: 'BodyError' }));
	});

	test('an error says what is wrong without quoting the body', () => {
		expect(() => parseBody('secret-key-123')).toThrow(/^a body that is not valid JSON$/);
		expect(() => parseBody(nested(101))).toThrow('JSON nested more than 100 levels deep');
	});

	test('reads what is nested exactly as deep as allowed', () => {
		expect(parseBody(nested(MAX_DEPTH))).toEqual(JSON.parse(nested(100)));
		for (const leaf of ['', '1', '"x"', 'null', 'true']) {
			expect(parseBody(`{"a":${nested(99, '[', leaf, ']')}}`)).toHaveProperty('a');
		}
	});

	test.each([
		['', 'an empty body'],
		['<p>', 'a web page instead of JSON'],
		['x', 'a body that is not valid JSON'],
		['[]', 'JSON that is not an object'],
	])('%p: %s', (text, message) => {
		expect(() => parseBody(text)).toThrow(message);
	});

	test('null and empty lists are data', () => {
		expect(parseBody('{"a":[null,[],{}],"b":null}')).toEqual({ a: [null, [], {}], b: null });
	});

	test('a byte order mark inside a text stays', () => {
		expect(parseBody('{"a":"\uFEFF"}')).toEqual({ a: '\uFEFF' });
	});

	test('a byte order mark does not matter', () => {
		expect(parseBody('\uFEFF{"a":1}')).toEqual({ a: 1 });
	});

	test('the last of two equal keys counts', () => {
		expect(parseBody('{"a":1,"a":2}')).toEqual({ a: 2 });
		expect(parseBody('{"a":1,"a":12345678901234567890}')).toEqual({ a: '12345678901234567890' });
	});
});

describe('big integers', () => {
	test.each([
		['2^53 - 1 is exact', '9007199254740991', 9007199254740991],
		['2^53 is the first that is not', '9007199254740992', '9007199254740992'],
		['beyond', '12345678901234567890', '12345678901234567890'],
		['negative', '-9007199254740993', '-9007199254740993'],
		['-(2^53 - 1)', '-9007199254740991', -9007199254740991],
		['a fraction stays a number', '1234567890123456789.5', 1234567890123456789.5],
		['so does an exponent', '1e30', 1e30],
		['and a long fraction', '0.1234567890123456789', 0.1234567890123456789],
	])('%s', (_title, source, expected) => {
		expect(parseBody(`{"n":${source}}`)).toEqual({ n: expected });
		expect(parseBody(`{ "n" : \r\n\t ${source} }`)).toEqual({ n: expected });
		expect(parseBody(`{"n":[0,${source}]}`)).toEqual({ n: [0, expected] });
		expect(parseBody(`{"n":[${source},0]}`)).toEqual({ n: [expected, 0] });
		expect(parseBody(`{"n":[0, ${source}]}`)).toEqual({ n: [0, expected] });
	});

	test.each([
		['an ordinary body is parsed once', '{"id":"6943972350728700930","n":1639312724000}', 1],
		['so is one with a fraction', '{"id":107955,"processed_time":0.2134}', 1],
		['a big integer costs a second parse', '{"n":6943972350728700930}', 2],
	])('%s', (_title, text, expected) => {
		expect(parsesOf(() => parseBody(text))).toBe(expected);
	});

	test('digits inside a text stay as they are', () => {
		const body = { a: ':1234567890123456789', b: ',12345678901234567890', n: 1 };
		expect(parseBody(JSON.stringify(body))).toEqual(body);
	});

	test('other rules hold beside a big integer', () => {
		expect(
			parseBody(
				'{"time":12345678901234567890,"user":{"id":5,"__proto__":{"x":1}},"t":true,"z":null}',
			),
		).toEqual({ time: '12345678901234567890', user: { id: '5' }, t: true, z: null });
	});
});

describe('ids', () => {
	test.each(['id', 'uid', 'video_id', 'ins_id', 'roomId', 'shortId'])(
		'%s becomes a text',
		(key) => {
			expect(parseBody(`{"${key}":107955}`)).toEqual({ [key]: '107955' });
			expect(parseBody(`{"list":[{"${key}":0}]}`)).toEqual({ list: [{ [key]: '0' }] });
		},
	);

	test.each([
		'idx',
		'paid',
		'uids',
		'guid',
		'valid',
		'video_ids',
		'userIds',
		'duration',
		'followerCount',
	])('%s stays a number', (key) => {
		expect(parseBody(`{"${key}":107955}`)).toEqual({ [key]: 107955 });
	});

	test('an id that is a text, null, a flag or an object stays what it is', () => {
		const body = { id: '1', uid: null, video_id: false, roomId: { id: '2' }, list_id: [1] };
		expect(parseBody(JSON.stringify(body))).toEqual(body);
	});
});

describe('ids that are floats', () => {
	test.each([
		'6.9000000000000000e+18',
		'6.94397235072873E18',
		'6943972350728700930.0',
		'107955.0',
		'1.07955e5',
		'1e3',
		'-1.5',
		'1E400',
	])('%s is no id', (source) => {
		for (const key of ['id', 'uid', 'video_id', 'roomId']) {
			expect(parseBody(`{"${key}":${source}}`)).toEqual({ [key]: null });
			expect(parseBody(`{"list":[{ "${key}" : ${source} }]}`)).toEqual({ list: [{ [key]: null }] });
		}
	});

	test('an escaped name does not hide one that has lost digits', () => {
		expect(parseBody('{"\\u0069\\u0064":6.9e18}')).toEqual({ id: null });
	});

	test('other numbers keep their point, other ids beside it their digits', () => {
		expect(
			parseBody(
				'{"duration":1.5,"rate":1e3,"user":{"id":107955},"video_id":6.9e18,"n":9007199254740993}',
			),
		).toEqual({
			duration: 1.5,
			rate: 1000,
			user: { id: '107955' },
			video_id: null,
			n: '9007199254740993',
		});
	});

	test('a text is handed on untouched', () => {
		expect(parseBody('{"id":"6.9e+18"}')).toEqual({ id: '6.9e+18' });
	});
});

describe('JSON behind something else', () => {
	const WARNING =
		'<br />\n<b>Warning</b>:  Undefined array key "x" in <b>/var/www/api/index.php</b> on line <b>12</b><br />\n';

	test.each([
		['a warning of PHP', WARNING],
		['several warnings', WARNING.repeat(3)],
		['a warning that quotes JSON', `${WARNING}json_decode({"a":1}) in {closure}<br/>\n`],
		['a warning in a table', '<font size="1"><table>{main}</table></font>'],
		['a warning without tags', '\nWarning: Undefined array key in /var/www/x.php on line 12\n'],
		['a notice of PHP', 'PHP Notice:  Undefined index in x.php on line 12\n\n'],
		['a comment', '<!-- cached -->'],
	])('%s', (_title, before) => {
		for (const json of [
			'{"id":107955}',
			'{ "id" : 107955 }\n',
			'{\n\t"id": 107955\n}',
			'\ufeff{"id":107955}',
		])
			expect(readBody(`${before}${json}`)).toEqual({ body: { id: '107955' }, preceded: true });
		expect(readBody(`\ufeff${before}{"n":12345678901234567890}`)).toEqual({
			body: { n: '12345678901234567890' },
			preceded: true,
		});
	});

	test('whatever the JSON holds', () => {
		const body = { bio: '<3 > {"a":1} \n{} ', list: [{ a: '<b>' }, {}], deep: { '>': '{' } };
		for (const text of [JSON.stringify(body), JSON.stringify(body, null, '\t')]) {
			expect(readBody(WARNING + text)).toEqual({ body, preceded: true });
		}
	});

	test.each([
		['a page', '<html><script>{"a":1}</script></html>', 'html'],
		['a page with a tail', `${WARNING}{"a":1}</html>`, 'html'],
		['JSON that was cut', `${WARNING}{"list":[\n{"id":"1"},\n{"id":"2"}`, 'html'],
		['JSON that was cut in an object', `${WARNING}{\n"user":\n{"id":"1"}`, 'html'],
		['text of another kind', 'Hello\n{"a":1}', 'not-json'],
		['two bodies', '{"a":1}\n{"b":2}', 'not-json'],
		['JSON that was cut in a text', `${WARNING}{"a":"{}`, 'html'],
		['JSON that was cut in a name', `${WARNING}{"{}`, 'html'],
		['an empty object', `${WARNING}{}`, 'html'],
		['a list', `${WARNING}[1]`, 'html'],
	])('%s is not read', (_title, text, problem) => {
		expect(readBody(text)).toBe(problem);
	});

	test('the number of tries is bounded', () => {
		const text = `<p>${'>{"a":1'.repeat(200_000)}`;
		expect(parsesOf(() => expect(readBody(text)).toBe('html'))).toBeLessThanOrEqual(11);
	});
});

describe('hostile keys', () => {
	test.each([
		['plain', '{"__proto__":{"admin":true},"a":1}'],
		['escaped', '{"\\u005f_proto_\\u005f":{"admin":true},"a":1}'],
		['twice', '{"__proto__":{"admin":true},"a":1,"__proto__":[1]}'],
	])('own __proto__ keys are dropped: %s', (_title, text) => {
		for (const wrapped of [text, `{"list":[${text}]}`, `{"in":${text}}`]) {
			const json = JSON.stringify(parseBody(wrapped));
			expect(json).not.toContain('proto');
			expect(json).not.toContain('admin');
			expect(json).toContain('"a":1');
		}
		expect(Object.getPrototypeOf(parseBody(text))).toBe(Object.prototype);
		expect({}).not.toHaveProperty('admin');
	});

	test('copying the object does not change what others inherit', () => {
		const copy = Object.assign(
			{},
			parseBody('{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}'),
		);
		expect(copy).not.toHaveProperty('admin');
		expect({}).not.toHaveProperty('admin');
		expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
	});

	test('constructor and the like are data', () => {
		expect(parseBody('{"constructor":1,"toString":"x","hasOwnProperty":null}')).toEqual(
			JSON.parse('{"constructor":1,"toString":"x","hasOwnProperty":null}'),
		);
	});

	test('unpaired surrogates do no harm', () => {
		expect(parseBody('{"title":"a\\ud800b","\\udc00":1}')).toEqual({
			title: 'a\uD800b',
			'\uDC00': 1,
		});
	});
});

describe('isJsonObject', () => {
	test.each([
		[{}, true],
		[[], false],
		[null, false],
		[undefined, false],
		['x', false],
		[1, false],
	])('%p: %p', (value, expected) => {
		expect(isJsonObject(value)).toBe(expected);
	});
});
