import { InvalidInput } from '../../nodes/shared/api/failure';
import { parseUserList, userKey } from '../../nodes/shared/api/userList';

const keys = (value: unknown) => parseUserList(value, 'Users', 500).map(userKey);

const refusal = (value: unknown, most = 500): InvalidInput => {
	try {
		parseUserList(value, 'Users', most);
	} catch (error) {
		if (error instanceof InvalidInput) return error;
	}
	throw new Error('It was not refused');
};

describe('parseUserList', () => {
	it('takes usernames, @names, addresses and ids', () => {
		expect(keys(['tiktok', '@NBA', 'https://www.tiktok.com/@espn/video/7', '107955'])).toEqual([
			'@tiktok',
			'@nba',
			'@espn',
			'107955',
		]);
	});

	it('takes lists as they are pasted', () => {
		const column = 'tiktok\r\n@nba\n\n espn \n';
		const line = 'tiktok, @nba;espn,';
		const cells = 'tiktok\tnba\tespn';
		for (const value of [column, line, cells, [line], [['tiktok', 'nba'], ['espn']]]) {
			expect(keys(value)).toEqual(['@tiktok', '@nba', '@espn']);
		}
	});

	it('asks for nobody twice', () => {
		expect(keys(['tiktok', '@TikTok ', 'tiktok.com/@tiktok', '107955', 107955])).toEqual([
			'@tiktok',
			'107955',
		]);
	});

	it('takes digits for an id, and for a username after an @', () => {
		expect(keys(['123456', '@123456'])).toEqual(['123456', '@123456']);
	});

	it('says which entry cannot be used, and does not take a slip for two users', () => {
		const { parameter, message, advice } = refusal(['tiktok, two words', 'nba']);
		expect(parameter).toBe('Users');
		expect(message).toBe('"two words" is not a TikTok username (entry 2 of 3)');
		expect(advice).toMatch(/^Usernames have.*Put commas or line breaks between several users\.$/);
		expect(refusal(['a!']).advice).not.toContain('commas');
		expect(refusal(['vm.tiktok.com/abc']).message).toMatch(/short link.*\(entry 1 of 1\)$/);
		expect(refusal(['a', 2 ** 60]).message).toMatch(/last digits \(entry 2 of 2\)$/);
		expect(refusal(['a', true]).message).toBe(
			'User is a boolean, which names nobody (entry 2 of 2)',
		);
	});

	it('refuses what cannot be made a text, and takes lists in lists however deep', () => {
		for (const entry of [Object.create(null), { toString: 1 }]) {
			expect(refusal(['a', entry]).message).toMatch(/\(entry 2 of 2\)$/);
		}
		let deep: unknown = ['tiktok', ['nba']];
		for (let depth = 0; depth < 20_000; depth++) deep = [deep];
		expect(keys(deep)).toEqual(['@tiktok', '@nba']);
	});

	it.each([[undefined], [null], [''], [[]], [['', ' \u200b']], [',;\n']])(
		'refuses an empty list: %j',
		(value) => {
			expect(refusal(value).message).toBe('Users is empty');
		},
	);

	it('refuses more users than make sense, counted after those named twice', () => {
		expect(parseUserList('a1,a2,a1', 'Users', 2)).toHaveLength(2);
		expect(refusal('a1,a2,a3', 2).message).toBe(
			'Users holds 3 users, and at most 2 can be watched at a time',
		);
	});

	it('gives keys that are safe', () => {
		expect(keys(['__proto__', 'constructor'])).toEqual(['@__proto__', '@constructor']);
	});
});
