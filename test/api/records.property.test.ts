import fc from 'fast-check';
import { parseBody, type JsonObject, type JsonValue } from '../../nodes/shared/api/json';
import {
	isPinned,
	personId,
	personRecord,
	postId,
	postRecord,
	postTimeMs,
	userRecord,
} from '../../nodes/shared/api/records';
import { endsSoon, runs } from '../support/property';

/** Fields that the records are made of, under all their names. */
const NAMES = [
	...[
		'id',
		'video_id',
		'aweme_id',
		'sec_uid',
		'uniqueId',
		'unique_id',
		'nickname',
		'signature',
		'title',
	],
	...[
		'create_time',
		'duration',
		'play',
		'cover',
		'images',
		'is_top',
		'region',
		'verified',
		'secret',
	],
	...[
		'follower_count',
		'followerCount',
		'heart',
		'play_count',
		'digg_count',
		'aweme_count',
		'avatar',
	],
	...['user', 'stats', 'author', 'bioLink', 'ins_id', 'music_info'],
];
const values = fc.oneof(
	fc.jsonValue(),
	fc.string({ unit: 'binary' }),
	fc.double({ noNaN: true, noDefaultInfinity: true }),
	fc.bigInt({ min: 0n, max: 10n ** 20n }).map(String),
	fc.constantFrom(
		'12,345',
		'1.2M',
		'-5',
		'=?utf-8?B?8J+YgA==?=',
		'a\u0000b',
		'\ud800',
		8.64e15,
		1e300,
	),
);
const objects = fc
	.dictionary(fc.oneof(fc.constantFrom(...NAMES), fc.string()), values)
	.map((value): JsonObject => parseBody(JSON.stringify(value)));

describe('no body makes a reader throw', () => {
	test('and what it gives is flat and JSON', () => {
		fc.assert(
			fc.property(objects, objects, objects, (one, user, stats) => {
				const value: JsonObject = { ...one, user, stats, author: user };
				for (const record of [userRecord(value), personRecord(value), postRecord(value, 'x')]) {
					expect(JSON.parse(JSON.stringify(record))).toEqual(record);
					for (const each of Object.values(record)) expect(Object(each)).not.toBe(each);
				}
				for (const id of [personId(one), postId(one)]) {
					expect(id === undefined || (typeof id === 'string' && id !== '')).toBe(true);
				}
				const timeMs = postTimeMs(one) ?? 0;
				expect(Number.isNaN(new Date(timeMs).getTime())).toBe(false);
				expect(typeof isPinned(one)).toBe('boolean');
			}),
			runs(200),
		);
	});

	test.each([
		'?=',
		'?= ',
		'=?utf-8?b?',
		'=?utf-8?b?QUJD',
		'A',
		'1',
		'1,',
		'1.',
		' ',
		'\u0000',
		'\ud800',
	])('and very many %j are read in no time', (unit) => {
		endsSoon((text) => {
			const value = Object.fromEntries(NAMES.map((name): [string, JsonValue] => [name, text]));
			const body = { ...value, user: value, stats: value, author: value };
			return [userRecord(body), personRecord(body), postRecord(body, undefined)];
		}, unit);
	});
});

const anyObject = fc.dictionary(fc.string(), fc.jsonValue()) as fc.Arbitrary<JsonObject>;

describe('whatever a body holds', () => {
	const FIELDS = [
		...[
			'id',
			'uniqueId',
			'nickname',
			'signature',
			'bioLink',
			'ins_id',
			'twitter_id',
			'avatarLarger',
		],
		...['region', 'follower_count', 'aweme_count', 'video_id', 'title', 'create_time', 'play'],
		...['duration', 'is_top', 'cover', 'images', 'music_info'],
	];
	const value = fc.oneof(
		fc.jsonValue(),
		fc.string({ unit: 'binary' }),
		fc.array(fc.string({ unit: 'binary' })),
		fc.constantFrom('\ud83d', 'a\0b', '12,345', '1.2M', '7621307384165666079', '/a.jpeg'),
	);
	const known = fc.dictionary(fc.constantFrom(...FIELDS), value) as fc.Arbitrary<JsonObject>;

	test('a record is flat, fits into any database, and has no name that is taken', () => {
		fc.assert(
			fc.property(anyObject, known, (one, other) => {
				const mixed: JsonObject = { ...one, ...other };
				const whole: JsonObject = { ...mixed, user: other, stats: other, author: other };
				for (const record of [userRecord(whole), personRecord(mixed), postRecord(whole, 'x')]) {
					expect(JSON.parse(JSON.stringify(record))).toEqual(record);
					expect(record).not.toHaveProperty('id');
					expect(record).not.toHaveProperty('createdAt');
					expect(record).not.toHaveProperty('updatedAt');
					for (const [field, part] of Object.entries(record)) {
						if (typeof part === 'string') {
							expect(part.isWellFormed() && !part.includes('\0')).toBe(true);
						} else if (part !== null) {
							expect(['number', 'boolean']).toContain(typeof part);
						}
						if (!field.endsWith('Count') || part === null) continue;
						expect(String(part)).toMatch(/^\d+$/);
					}
				}
			}),
			runs(200),
		);
	});
});
