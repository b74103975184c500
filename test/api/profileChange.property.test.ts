import fc from 'fast-check';
import {
	PROFILE_FIELDS,
	profileChange,
	toProfileMemory,
	type ProfileMemory,
} from '../../nodes/shared/api/profileChange';
import { userRecord } from '../../nodes/shared/api/records';
import { runs } from '../support/property';

const RECORD = userRecord({ user: { id: '77', uniqueId: 'ana' } });

test('changes lead from any profile to any other, and then tell nothing more', () => {
	const profile = fc.record({
		nickname: fc.option(fc.string()),
		verified: fc.option(fc.boolean()),
		followerCount: fc.oneof(fc.nat(), fc.constant('9007199254740993'), fc.constant(null)),
		bioLink: fc.option(fc.string()),
	});
	fc.assert(
		fc.property(fc.array(profile, { minLength: 1 }), (profiles) => {
			let memory: ProfileMemory | undefined;
			const seen: Record<string, unknown> = {};
			for (const each of profiles) {
				const record = { ...RECORD, ...each };
				const look = profileChange(memory, record, PROFILE_FIELDS);
				for (const [field, before] of Object.entries(look.before)) {
					expect(before).toEqual(seen[field]);
					expect(before).not.toEqual(each[field as keyof typeof each]);
				}
				memory = toProfileMemory(JSON.parse(JSON.stringify(look.memory)));
				Object.assign(seen, memory?.values);
				expect(profileChange(memory, record, PROFILE_FIELDS).before).toEqual({});
			}
		}),
		runs(100),
	);
});
