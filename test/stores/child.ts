import { systemClock } from '../../nodes/shared/n8n/systemClock';
import type { Stores } from '../../nodes/shared/resilience/ports';
import { openEmbeddedStores } from '../../nodes/shared/stores/embedded';

/** What the parent asks for: a method of a store, called `times` times at once. */
export interface Order {
	number: number;
	store: 'admission' | 'jobs' | 'ledger' | 'responses';
	method: string;
	args: unknown[];
	times?: number;
}

const [, , folder, keyId = '', uid = ''] = process.argv;
if (uid !== '') process.setuid?.(Number(uid));
const warnings: string[] = [];
const stores: Stores = openEmbeddedStores({
	folder,
	keyId,
	clock: systemClock,
	warn: (message) => void warnings.push(message),
});

process.on('message', (order: Order) => {
	const store = stores[order.store] as unknown as Record<
		string,
		(...args: unknown[]) => Promise<unknown>
	>;
	const calls = Array.from({ length: order.times ?? 1 }, () =>
		store[order.method]?.(...order.args),
	);
	void Promise.all(calls).then((results) => {
		process.send?.({ number: order.number, results, warnings });
	});
});
process.send?.('ready');
