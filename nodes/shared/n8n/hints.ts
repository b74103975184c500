import type { NodeExecutionHint } from 'n8n-workflow';
import type { CallAnswer, CallFailure, StopReason } from '../api';

/** Items that a hint names. */
const MOST_SHOWN = 5;

/** What one run of a node has cost and met, for the hints under its output. */
export class RunReport {
	#credits = 0;
	#fromStore = 0;
	#retries = 0;
	#pages = 0;
	#stale = 0;
	readonly #capped: number[] = [];
	readonly #cutShort: number[] = [];
	readonly #interrupted: string[] = [];
	readonly #empty: string[] = [];
	#unfinished = 0;
	#deferred = 0;

	answered({ source, attempts, credits }: CallAnswer): void {
		this.#credits += credits;
		this.#retries += Math.max(attempts - 1, 0);
		if (source === 'cache' || source === 'shared') this.#fromStore += 1;
		if (source === 'stale') this.#stale += 1;
	}

	failed({ attempts, credits }: CallFailure): void {
		this.#credits += credits;
		this.#retries += Math.max(attempts - 1, 0);
	}

	listRead(itemIndex: number, pages: number, stop: StopReason): void {
		this.#pages += pages;
		switch (stop) {
			case 'end':
			case 'older':
			case 'limit':
				return;
			case 'max-pages':
				this.#capped.push(itemIndex);
				return;
			case 'no-cursor':
			case 'repeated-cursor':
			case 'empty-pages':
			case 'nothing-new':
				this.#cutShort.push(itemIndex);
				return;
		}
	}

	/** A list that failed on the way. What was read before is among the records. */
	interrupted(user: string, recordsRead: number, why: string): void {
		const records = recordsRead === 1 ? '1 record' : `${recordsRead} records`;
		this.#interrupted.push(`${user} after ${records}: ${why}`);
	}

	/** A list that came back empty although there should be something in it; `doubt` says so of whom. */
	emptyList(doubt: string): void {
		this.#empty.push(doubt);
	}

	/** Items that became jobs because TikLiveAPI or the budget was not available. */
	deferred(count: number): void {
		this.#deferred = count;
	}

	/** Items that were left when the execution was cancelled. */
	unfinished(count: number): void {
		this.#unfinished = count;
	}

	hints(): NodeExecutionHint[] {
		const hints = [this.#summary()];
		if (this.#unfinished > 0) {
			hints.push(warning(`Cancelled with ${items(this.#unfinished)} left to do`));
		}
		if (this.#deferred > 0) {
			hints.push(
				warning(
					`${items(this.#deferred)} could not be done just now and went into the queue; see the output Deferred. A workflow with the TikLiveAPI Queue Trigger gets the results.`,
				),
			);
		}
		if (this.#interrupted.length > 0) {
			const shown = this.#interrupted.slice(0, MOST_SHOWN);
			const more = this.#interrupted.length - shown.length;
			hints.push(
				warning(
					`Reading was interrupted for ${shown.join('; ')}${more > 0 ? `; and for ${more} more` : ''}. What was read is in the output. Run this again within an hour to get the rest; what was read costs nothing then. Or give 'bookmark' of the failed item to 'Start From'.`,
				),
			);
		}
		for (const doubt of this.#empty.slice(0, MOST_SHOWN)) hints.push(warning(doubt));
		if (this.#empty.length > MOST_SHOWN) {
			const more = this.#empty.length - MOST_SHOWN;
			hints.push(warning(`The same with ${more} more ${more === 1 ? 'list' : 'lists'}`));
		}
		if (this.#capped.length > 0) {
			hints.push(
				warning(
					`'Max Pages' ended the list of ${list(this.#capped)}. To get the rest, raise it, or turn on 'Include Bookmark' and give the bookmark to 'Start From' in the next run.`,
				),
			);
		}
		if (this.#cutShort.length > 0) {
			hints.push(
				warning(
					`TikLiveAPI said that there is more for ${list(this.#cutShort)}, but gave nothing new. Reading ended there, so that no credits are wasted.`,
				),
			);
		}
		if (this.#stale > 0) {
			hints.push(
				warning(
					`TikLiveAPI was not available. Old stored answers were used ${times(this.#stale)}; their records say "stale": true.`,
				),
			);
		}
		return hints;
	}

	/** For the OpenTelemetry span of the node's run: counts, nothing that names anybody. */
	spanAttributes(): Record<string, number> {
		return {
			'tiklive.credits': this.#credits,
			'tiklive.cache_hits': this.#fromStore,
			'tiklive.retries': this.#retries,
			'tiklive.pages': this.#pages,
		};
	}

	#summary(): NodeExecutionHint {
		const parts = [`Credits spent: ${this.#credits}`];
		if (this.#fromStore > 0) parts.push(`free stored answers: ${this.#fromStore}`);
		if (this.#pages > 0) parts.push(`pages: ${this.#pages}`);
		if (this.#retries > 0) parts.push(`retries: ${this.#retries}`);
		return { message: parts.join(', '), type: 'info', location: 'outputPane' };
	}
}

function warning(message: string): NodeExecutionHint {
	return { message, type: 'warning', location: 'outputPane' };
}

function items(count: number): string {
	return count === 1 ? '1 item' : `${count} items`;
}

function times(count: number): string {
	return count === 1 ? 'once' : `${count} times`;
}

function list(indexes: readonly number[]): string {
	const shown = [...indexes].sort((a, b) => a - b).slice(0, MOST_SHOWN);
	const more = indexes.length > shown.length ? ` and ${indexes.length - shown.length} more` : '';
	return `item ${shown.join(', ')}${more}`;
}
