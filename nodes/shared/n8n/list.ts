import type { IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import { decodeBookmark, type ListEndpoint, type UserRef } from '../api';
import type { JobKind } from '../resilience/jobs';
import { executeItems } from './itemLoop';
import { readLimit } from './listParameters';
import { readListOptions, type ListOptions } from './options';
import { readUser } from './userParameter';
import { readWholeList } from './wholeList';

interface ListItem extends ListOptions {
	user: UserRef;
	/** Undefined for all. */
	limit: number | undefined;
	simplify: boolean;
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

		read: async (call, item, itemIndex, report) => {
			const { records, result, isStale } = await readWholeList(call, endpoint, item);
			report.listRead(itemIndex, result.pages, result.stopReason);
			return item.whenUnavailable === 'stale'
				? records.map((record) => ({ ...record, stale: isStale }))
				: records;
		},

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

function prepare(context: IExecuteFunctions, endpoint: ListEndpoint, itemIndex: number): ListItem {
	const item: ListItem = {
		...readListOptions(context, itemIndex),
		user: readUser(context, itemIndex),
		limit: readLimit(context, itemIndex),
		simplify: context.getNodeParameter('simplify', itemIndex) as boolean,
	};
	if (item.startFrom !== undefined) decodeBookmark(item.startFrom, endpoint, item.user);
	return item;
}
