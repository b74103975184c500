import fc from 'fast-check';
import type { JsonObject } from '../../nodes/shared/api/json';
import { personRecord, postRecord, userRecord } from '../../nodes/shared/api/records';
import { runs } from '../support/property';

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
