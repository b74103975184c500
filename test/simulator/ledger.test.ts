import { Ledger, requestName } from './ledger.ts';

function bill(ledger: Ledger, request: string, username?: string, key = 'a'): void {
	ledger.bill({ key, endpoint: request.split('?')[0]!, request, username });
}

describe('Ledger', () => {
	it('counts in all, per endpoint, per key and per user', () => {
		const ledger = new Ledger(Infinity);
		bill(ledger, '/userid/?username=x', 'x');
		bill(ledger, '/user-posts/?userid=1', 'x', 'b');
		bill(ledger, '/user-posts/?userid=2', 'y', 'b');
		bill(ledger, '/userid/?username=nobody');
		expect(ledger.report()).toEqual({
			billed: 4,
			perEndpoint: { '/userid/': 2, '/user-posts/': 2 },
			perKey: { a: 2, b: 2 },
			users: 2,
			mostForOneUser: { username: 'x', credits: 2 },
			distinct: 4,
			paidTwice: [],
			undelivered: [],
			balance: null,
		});
		expect(ledger.billedFor('x')).toBe(2);
		expect(ledger.billedFor('nobody')).toBe(0);
	});

	it('names what was paid twice, and what of it never arrived', () => {
		const ledger = new Ledger(Infinity);
		const page = '/user-posts/?cursor=0&userid=1';
		bill(ledger, page, 'x');
		ledger.lose(page, 'truncated');
		expect(ledger.report().paidTwice).toEqual([]);
		bill(ledger, page, 'x');
		expect(ledger.report().paidTwice).toMatchObject([{ request: page, times: 2 }]);
		bill(ledger, page, 'x');
		bill(ledger, '/user-posts/?cursor=1&userid=1', 'x');
		expect(ledger.report()).toMatchObject({
			distinct: 2,
			paidTwice: [{ request: page, times: 3, undelivered: 1 }],
			undelivered: [{ request: page, reason: 'truncated' }],
		});
		expect(ledger.billedTimes(page)).toBe(3);
	});

	it('keeps a balance per key that can be topped up', () => {
		const ledger = new Ledger(2);
		bill(ledger, '/userid/?username=x');
		bill(ledger, '/userid/?username=y');
		expect(ledger.balance('a')).toBe(0);
		ledger.topUp('a', 5);
		expect(ledger.balance('b')).toBe(2);
		expect(ledger.report().balance).toEqual({ a: 5 });
		ledger.reset();
		expect(ledger.balance('a')).toBe(2);
		expect(ledger.report().billed).toBe(0);
	});

	it('tells 100,000 similar requests apart', () => {
		const ledger = new Ledger(Infinity);
		for (let n = 0; n < 100_000; n++) bill(ledger, `/userid/?username=creator${n}`);
		expect(ledger.report()).toMatchObject({ distinct: 100_000, paidTwice: [] });
	});
});

describe('requestName', () => {
	it('is the same for the same parameters in any order, and keeps values apart', () => {
		const name = (query: string): string => requestName('/user-posts/', new URLSearchParams(query));
		expect(name('userid=1&cursor=0&count=35')).toBe('/user-posts/?count=35&cursor=0&userid=1');
		expect(name('count=35&userid=1&cursor=0')).toBe(name('userid=1&cursor=0&count=35'));
		expect(name('a=1%26b%3D2')).not.toBe(name('a=1&b=2'));
	});
});
