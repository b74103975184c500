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
