import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import { decodeBookmark, type ListEndpoint, type UserRef } from '../api';
import type { JobKind } from '../resilience/jobs';
import { emptyListDoubt } from './emptyList';
import { executeItems, type ItemRun, type PreparedItem } from './itemLoop';
import { readLimit } from './listParameters';
import { readListOptions, type ListOptions } from './options';
import { systemClock } from './systemClock';
import { UnfinishedList } from './unfinishedList';
import { readUser } from './userParameter';
import { PartialList, readWholeList } from './wholeList';

interface ListItem extends ListOptions, PreparedItem {
	/** Undefined for all. */
	limit: number | undefined;
	simplify: boolean;
	/** Usernames of the user, as far as they are known here. */
	names: readonly string[];
}

const LIST_KINDS: Readonly<Record<ListEndpoint, JobKind>> = {
	userFollowers: 'followers',
	userFollowing: 'following',
	userPosts: 'posts',
};

/** The records of one list for each input item. */
export async function executeList(
	context: IExecuteFunctions,
	endpoint: ListEndpoint,
): Promise<INodeExecutionData[][]> {
	return await executeItems(context, {
		prepare: (itemIndex) => prepare(context, endpoint, itemIndex),

		read: async (run, item) => await readItem(run, endpoint, item),

		toJob: ({ user, simplify, limit, maxPages, startFrom, newerThanMs, includeBookmark }) => ({
			kind: LIST_KINDS[endpoint],
			request: {
				user,
				simplify,
				list: {
					maxPages,
					includeBookmark,
					...(limit !== undefined && { limit }),
					...(startFrom !== undefined && { startFrom }),
					...(newerThanMs !== undefined && { newerThanMs }),
				},
			},
		}),
	});
}

/** The records of one list, which begins with what an earlier run has read where that was interrupted. */
async function readItem(
	{ itemIndex, call, client, options, stores, report }: ItemRun,
	endpoint: ListEndpoint,
	item: ListItem,
): Promise<IDataObject[]> {
	const unfinished = new UnfinishedList(stores.responses, systemClock, { endpoint, ...item });
	// Max Age 0 asks for nothing but new answers.
	const sinceMs = options.maxAgeMs === 0 ? undefined : await unfinished.since();
	if (sinceMs !== undefined)
		options.notBeforeMs = Math.min(sinceMs, options.notBeforeMs ?? sinceMs);
	const mark = (record: IDataObject, isStale: boolean) =>
		item.whenUnavailable === 'stale' ? { ...record, stale: isStale } : record;
	const reading = readWholeList(unfinished.following(call), endpoint, item);
	const list = await reading.catch(async (error: unknown) => {
		await unfinished.interrupted();
		if (!(error instanceof PartialList)) throw error;
		const records = error.records.map((record) => mark(record, error.isStale));
		throw new PartialList(error, records, error.isStale);
	});
	report.listRead(itemIndex, list.result.pages, list.result.stopReason);
	if (list.records.length === 0 && list.result.stopReason === 'end' && isWhole(item)) {
		const { userId } = list.result;
		const doubt = await emptyListDoubt(client, { endpoint, userId, names: item.names });
		if (doubt !== undefined) report.emptyList(doubt);
	}
	await unfinished.ended();
	return list.records.map((record) => mark(record, list.isStale));
}

/** Whether the list would begin with its first record, whenever that was made. */
function isWhole({ startFrom, newerThanMs }: ListItem): boolean {
	return startFrom === undefined && newerThanMs === undefined;
}

function prepare(context: IExecuteFunctions, endpoint: ListEndpoint, itemIndex: number): ListItem {
	const user = readUser(context, itemIndex);
	const item: ListItem = {
		...readListOptions(context, itemIndex),
		user,
		names: namesOf(user, context.getInputData()[itemIndex]?.json),
		limit: readLimit(context, itemIndex),
		simplify: context.getNodeParameter('simplify', itemIndex) as boolean,
	};
	if (item.startFrom !== undefined) decodeBookmark(item.startFrom, endpoint, item.user);
	return item;
}

/** An id that comes from User Info, as in the examples, has its username beside it in the input item. */
function namesOf(user: UserRef, input: IDataObject = {}): string[] {
	if (user.kind === 'username') return [user.username];
	const { userId, username } = input;
	return userId === user.id && typeof username === 'string' ? [username.toLowerCase()] : [];
}
