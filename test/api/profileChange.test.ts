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
			changed: {},
			memory: { id: '77', values: { nickname: 'Ana', bio: '' } },
		});
	});

	it('tells what has changed, with what it was before', () => {
		const { memory } = profileChange(undefined, record(), PROFILE_FIELDS);
		const changes = { nickname: 'Ana B.', verified: true, bio: 'Hello', followerCount: 8 };
		expect(profileChange(memory, record(changes), PROFILE_FIELDS).changed).toEqual({
			nickname: { before: 'Ana', after: 'Ana B.' },
			verified: { before: false, after: true },
			bio: { before: '', after: 'Hello' },
			followerCount: { before: 7, after: 8 },
		});
	});

	it('takes a null for no statement: neither it nor the way back is a change', () => {
		const first = profileChange(undefined, record(), ['nickname', 'private']);
		const second = profileChange(first.memory, record({ nickname: null, id: null }), [
			'nickname',
			'private',
		]);
		expect(second).toEqual({ changed: {}, memory: first.memory });
		const third = profileChange(second.memory, record({ private: true }), ['nickname', 'private']);
		expect(third.changed).toEqual({});
		expect(third.memory.values).toEqual({ nickname: 'Ana', private: true });
	});

	it('remembers a field that is watched from now on without telling it, and forgets the others', () => {
		const { memory } = profileChange(undefined, record(), ['nickname']);
		expect(profileChange(memory, record({ bio: 'Hello' }), ['bio'])).toEqual({
			changed: {},
			memory: { id: '77', values: { bio: 'Hello' } },
		});
	});

	it('offers everything but what never changes, follows another field, or changes by itself', () => {
		const others = ['id', 'url', 'avatarUrl'];
		expect([...PROFILE_FIELDS, ...others].sort()).toEqual(Object.keys(record()).sort());
	});

	it('takes nothing but its own memory', () => {
		for (const other of [undefined, null, 'text', {}, { id: 1, values: {} }, { id: null }]) {
			expect(toProfileMemory(other)).toBeUndefined();
		}
		expect(toProfileMemory({ id: null, values: {} })).toEqual({ id: null, values: {} });
	});
});
