import type { IDataObject } from 'n8n-workflow';
import { ENDPOINTS, readUserInfo, type Call, type ListEndpoint, type ListPage } from '../api';
import type { CallOptions, Client } from '../resilience/client';
import type { JobRequest } from '../resilience/jobPayload';
import type { ClaimedJob, JobKind } from '../resilience/jobs';
import { boundCall } from './boundCall';
import { RunReport } from './hints';
import { readWholeList } from './wholeList';

export interface JobAnswer {
	records: IDataObject[];
	/**
	 * The first pages of a list were read by an earlier delivery and are no longer stored: the records are those
	 * from its bookmark on.
	 */
	incomplete: boolean;
}

export interface JobDelivery {
	client: Client;
	job: ClaimedJob;
	request: JobRequest;
	signal: AbortSignal;
	/** @throws when the job is no longer ours */
	saveProgress(progress: string): Promise<void>;
}

/** How far an earlier delivery came. */
interface Progress {
	pages: number;
	records: number;
	bookmark: string;
}

const LIST_ENDPOINTS: Readonly<Record<Exclude<JobKind, 'userInfo'>, ListEndpoint>> = {
	followers: 'userFollowers',
	following: 'userFollowing',
	posts: 'userPosts',
};

/** A page that an earlier delivery has paid for is not stored any more. */
class PageGone extends Error {}

/**
 * Does what one job asks for. Whatever was stored since the job was made is not paid for again, so that a
 * second delivery costs only what the first one did not get.
 *
 * @throws CallFailure, ListInterrupted, InvalidInput, and what `saveProgress` throws
 */
export async function workOn(delivery: JobDelivery): Promise<JobAnswer> {
	const { client, job, request, signal } = delivery;
	const { answersSinceMs = Infinity, ...asked } = request.call;
	const options: CallOptions = {
		...asked,
		priority: job.priority,
		notBeforeMs: Math.min(job.createdAtMs, answersSinceMs),
		signal,
	};
	const call = boundCall(client, options, new RunReport());
	if (job.kind !== 'userInfo') return await readPages(delivery, LIST_ENDPOINTS[job.kind], call);
	const { raw, record } = await readUserInfo(call, request.user);
	return { records: [request.simplify ? { ...record } : { ...raw }], incomplete: false };
}

/** From the start, through the stored pages; where one is gone, from the bookmark. */
async function readPages(
	delivery: JobDelivery,
	endpoint: ListEndpoint,
	call: Call,
): Promise<JobAnswer> {
	const known = parseProgress(delivery.job.progress);
	const fromStart = { pages: 0, records: 0 };
	if (known === undefined) return await readFrom(fromStart, delivery, endpoint, call);
	const replay = replaying(delivery.client, known.pages, call);
	return await readFrom(fromStart, delivery, endpoint, replay).catch(async (error: unknown) => {
		if (!(error instanceof PageGone)) throw error;
		const { records } = await readFrom(known, delivery, endpoint, call);
		return { records, incomplete: true };
	});
}

async function readFrom(
	from: Pick<Progress, 'pages' | 'records'> & Partial<Progress>,
	{ request, saveProgress }: JobDelivery,
	endpoint: ListEndpoint,
	call: Call,
): Promise<JobAnswer> {
	const {
		limit,
		maxPages = Infinity,
		startFrom,
		newerThanMs,
		includeBookmark,
	} = request.list ?? {};
	const left = { records: (limit ?? Infinity) - from.records, pages: maxPages - from.pages };
	if (left.records <= 0 || left.pages <= 0) return { records: [], incomplete: false };

	let { pages, records } = from;
	const onPage = async (page: ListPage<ListEndpoint>) => {
		pages += 1;
		records += page.records.length;
		const { bookmark } = page;
		if (bookmark === undefined) return;
		await saveProgress(JSON.stringify({ pages, records, bookmark } satisfies Progress));
	};
	const list = await readWholeList(
		call,
		endpoint,
		{
			user: request.user,
			limit: limit === undefined ? undefined : left.records,
			maxPages: Math.min(left.pages, Number.MAX_SAFE_INTEGER),
			startFrom: from.bookmark ?? startFrom,
			newerThanMs,
			simplify: request.simplify,
			includeBookmark: includeBookmark ?? false,
		},
		onPage,
	);
	return { records: list.records, incomplete: false };
}

/** Takes the first `known` pages from the store, however old they are, and asks for the others. */
function replaying(client: Client, known: number, call: Call): Call {
	let pages = 0;
	return async (endpoint, params) => {
		if (ENDPOINTS[endpoint].list === null || pages >= known) return await call(endpoint, params);
		pages += 1;
		const stored = await client.stored(endpoint, params, { maxAgeMs: Infinity });
		if (stored === undefined) throw new PageGone();
		return stored;
	};
}

function parseProgress(text: string | undefined): Progress | undefined {
	try {
		const { pages, records, bookmark } = JSON.parse(text ?? 'null') as Partial<Progress>;
		if (!Number.isSafeInteger(pages) || !Number.isSafeInteger(records)) return undefined;
		return typeof bookmark === 'string' ? ({ pages, records, bookmark } as Progress) : undefined;
	} catch {
		return undefined;
	}
}
