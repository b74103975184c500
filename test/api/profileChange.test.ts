import {
	PROFILE_FIELDS,
	profileChange,
	toProfileMemory,
} from '../../nodes/shared/api/profileChange';
import { userRecord, type UserRecord } from '../../nodes/shared/api/records';

const record = (over: Partial<UserRecord> = {}): UserRecord => ({
	...userRecord({
		user: { id: '77', uniqueId: 'ana', nickname: 'Ana', signature: '', verified: false },
		stats: { followerCount: 7 },
	}),
	...over,
});

describe('profileChange', () => {
	it('tells nothing at the first look, and remembers what is watched', () => {
		expect(profileChange(undefined, record(), ['nickname', 'bio'])).toEqual({
			before: {},
			memory: { id: '77', values: { nickname: 'Ana', bio: '' } },
		});
	});

	it('tells what has changed, with what it was before', () => {
		const { memory } = profileChange(undefined, record(), PROFILE_FIELDS);
		const changes = { nickname: 'Ana B.', verified: true, bio: 'Hello', followerCount: 8 };
		expect(profileChange(memory, record(changes), PROFILE_FIELDS).before).toEqual({
			nickname: 'Ana',
			verified: false,
			bio: '',
			followerCount: 7,
		});
	});

	it.each(['bioLink', 'instagram', 'twitter', 'youtubeChannelId'] as const)(
		'tells of %s that it was added or removed, where the answer holds a whole profile',
		(field) => {
			const first = profileChange(undefined, record(), [field]);
			expect(first.memory.values).toEqual({ [field]: null });
			const added = profileChange(first.memory, record({ [field]: 'x' }), [field]);
			expect(added.before).toEqual({ [field]: null });
			const partial = profileChange(added.memory, record({ bio: null }), [field]);
			expect(partial).toEqual({ before: {}, memory: added.memory });
			const removed = profileChange(partial.memory, record(), [field]);
			expect(removed.before).toEqual({ [field]: 'x' });
			expect(profileChange(removed.memory, record(), [field]).before).toEqual({});
		},
	);

	it('does not tell what an older version has not remembered', () => {
		const memory = { id: '77', values: { nickname: 'Ana' } };
		const { before } = profileChange(memory, record({ bioLink: 'x' }), PROFILE_FIELDS);
		expect(before).toEqual({});
	});

	it('takes a null for no statement: neither it nor the way back is a change', () => {
		const first = profileChange(undefined, record(), ['nickname', 'private']);
		const second = profileChange(first.memory, record({ nickname: null, userId: null }), [
			'nickname',
			'private',
		]);
		expect(second).toEqual({ before: {}, memory: first.memory });
		const third = profileChange(second.memory, record({ private: true }), ['nickname', 'private']);
		expect(third.before).toEqual({});
		expect(third.memory.values).toEqual({ nickname: 'Ana', private: true });
	});

	it('remembers a field that is watched from now on without telling it, and forgets the others', () => {
		const { memory } = profileChange(undefined, record(), ['nickname']);
		expect(profileChange(memory, record({ bio: 'Hello' }), ['bio'])).toEqual({
			before: {},
			memory: { id: '77', values: { bio: 'Hello' } },
		});
	});

	it('offers everything but what never changes, follows another field, or changes by itself', () => {
		const others = ['userId', 'url', 'avatarUrl'];
		expect([...PROFILE_FIELDS, ...others].sort()).toEqual(Object.keys(record()).sort());
	});

	it('takes nothing but its own memory', () => {
		for (const other of [undefined, null, 'text', {}, { id: 1, values: {} }, { id: null }]) {
			expect(toProfileMemory(other)).toBeUndefined();
		}
		expect(toProfileMemory({ id: null, values: {} })).toEqual({ id: null, values: {} });
	});
});
