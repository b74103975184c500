import type { IDataObject } from 'n8n-workflow';
import {
	ListInterrupted,
	readList,
	type Call,
	type ListEndpoint,
	type ListPage,
	type ListRequest,
	type ListResult,
} from '../api';

export interface WholeListRequest extends Omit<ListRequest<ListEndpoint>, 'endpoint'> {
	simplify: boolean;
	/** Each record carries the bookmark of its list. */
	includeBookmark: boolean;
}

export interface WholeList {
	records: IDataObject[];
	result: ListResult;
	/** An old stored answer was among the pages. */
	isStale: boolean;
}

/** A list that failed on the way, with the records that it had brought: they are paid for and must reach the user. */
export class PartialList extends ListInterrupted {
	constructor(
		{ bookmark, cause }: ListInterrupted,
		readonly records: IDataObject[],
		/** An old stored answer was among the pages. */
		readonly isStale: boolean,
	) {
		super(bookmark, cause);
	}
}

/**
 * Reads a list to its end or its caps. `onPage` is told of each page before the next one is asked for.
 *
 * @throws PartialList when a page could not be had; CallFailure when there is no place to go on from
 */
export async function readWholeList(
	call: Call,
	endpoint: ListEndpoint,
	{ simplify, includeBookmark, ...request }: WholeListRequest,
	onPage: (page: ListPage<ListEndpoint>) => Promise<void> = async () => {},
): Promise<WholeList> {
	const pages = readList(call, { endpoint, ...request });
	const records: IDataObject[] = [];
	let isStale = false;
	const addBookmark = (bookmark: string | undefined) => {
		if (!includeBookmark) return;
		for (const record of records) record['bookmark'] = bookmark ?? null;
	};
	for (;;) {
		const { done, value } = await pages.next().catch((error: unknown) => {
			if (!(error instanceof ListInterrupted)) throw error;
			addBookmark(error.bookmark);
			throw new PartialList(error, records, isStale);
		});
		if (done) {
			addBookmark(value.bookmark);
			return { records, result: value, isStale };
		}
		for (const record of simplify ? value.simplified : value.records) records.push({ ...record });
		isStale ||= value.answer.source === 'stale';
		await onPage(value);
	}
}
