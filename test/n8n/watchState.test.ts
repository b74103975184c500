import type { IDataObject } from 'n8n-workflow';
import {
	readWatchState,
	writeWatchState,
	type WatchState,
} from '../../nodes/shared/n8n/watchState';

const STATE: WatchState = {
	users: new Map([
		['@tiktok', { memory: { newestMs: 1 } }],
		['@__proto__', { trouble: 'not-found', askAgainMs: 5 }],
	]),
	next: '@tiktok',
};

describe('the state of a watch', () => {
	it('comes back as it was written, through JSON', () => {
		const data: IDataObject = {};
		writeWatchState(data, 'newPost', STATE);
		const stored = JSON.parse(JSON.stringify(data)) as IDataObject;
		expect(readWatchState(stored, 'newPost')).toEqual(STATE);
	});

	it('is empty at first, for another event, and for what is no state', () => {
		const data: IDataObject = {};
		writeWatchState(data, 'newPost', STATE);
		const empty = { users: new Map(), next: undefined };
		expect(readWatchState({}, 'newPost')).toEqual(empty);
		expect(readWatchState(data, 'profileChange')).toEqual(empty);
		for (const users of [null, 'text', 7, ['a'], { '@tiktok': 'text' }]) {
			expect(readWatchState({ event: 'newPost', users }, 'newPost')).toEqual(empty);
		}
	});

	it('assigns only what differs: n8n takes every assignment for a change', () => {
		const assigned: string[] = [];
		const data = new Proxy<IDataObject>(
			{},
			{
				set(target, name, value) {
					assigned.push(String(name));
					return Reflect.set(target, name, value);
				},
			},
		);
		writeWatchState(data, 'newPost', STATE);
		expect(assigned).toEqual(['event', 'users', 'next']);
		writeWatchState(data, 'newPost', STATE);
		writeWatchState(data, 'newPost', readWatchState(data, 'newPost'));
		expect(assigned).toHaveLength(3);
		writeWatchState(data, 'newPost', { ...STATE, next: undefined });
		expect(assigned).toEqual(['event', 'users', 'next', 'next']);
	});
});
