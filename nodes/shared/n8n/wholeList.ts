import type { IDataObject } from 'n8n-workflow';
import {
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

/** Reads a list to its end or its caps. `onPage` is told of each page before the next one is asked for. */
export async function readWholeList(
	call: Call,
	endpoint: ListEndpoint,
	{ simplify, includeBookmark, ...request }: WholeListRequest,
	onPage: (page: ListPage<ListEndpoint>) => Promise<void> = async () => {},
): Promise<WholeList> {
	const pages = readList(call, { endpoint, ...request });
	const records: IDataObject[] = [];
	let isStale = false;
	for (;;) {
		const { done, value } = await pages.next();
		if (done) {
			if (includeBookmark) {
				for (const record of records) record['bookmark'] = value.bookmark ?? null;
			}
			return { records, result: value, isStale };
		}
		for (const record of simplify ? value.simplified : value.records) records.push({ ...record });
		isStale ||= value.answer.source === 'stale';
		await onPage(value);
	}
}
