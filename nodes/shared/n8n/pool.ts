/**
 * Runs `work` for 0 to count - 1, at most `limit` at a time, begun in this order.
 * When one fails, those before it are let finish, since any of them might still fail first; those after it
 * are aborted or never begun. Cancelling aborts all that are under way and begins no more.
 *
 * @throws the failure with the lowest index; never because of `cancelled`
 */
export async function inOrder(
	count: number,
	limit: number,
	cancelled: AbortSignal | undefined,
	work: (index: number, signal: AbortSignal) => Promise<void>,
): Promise<void> {
	const underWay = new Map<number, AbortController>();
	let next = 0;
	let first: { index: number; error: unknown } = { index: count, error: undefined };

	const fail = (index: number, error: unknown) => {
		if (index > first.index || cancelled?.aborted) return;
		first = { index, error };
		for (const [other, abort] of underWay) if (other > index) abort.abort();
	};
	const worker = async () => {
		while (next < first.index && !cancelled?.aborted) {
			const index = next++;
			const abort = new AbortController();
			underWay.set(index, abort);
			const signals = cancelled ? [cancelled, abort.signal] : [abort.signal];
			await work(index, AbortSignal.any(signals)).catch((error: unknown) => fail(index, error));
			underWay.delete(index);
		}
	};
	await Promise.all(Array.from({ length: Math.min(limit, count) }, worker));
	if (first.index < count) throw first.error;
}
