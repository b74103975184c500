import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import { readUserInfo } from '../api';
import { executeItems } from './itemLoop';
import { readAskOptions } from './options';
import { readUser } from './userParameter';

/** One profile for each input item. */
export async function executeUserInfo(context: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	return await executeItems(context, {
		prepare: (itemIndex) => ({
			...readAskOptions(context, itemIndex),
			user: readUser(context, itemIndex),
			simplify: context.getNodeParameter('simplify', itemIndex) as boolean,
		}),

		read: async ({ call }, { user, simplify, whenUnavailable }) => {
			const { raw, record, answer } = await readUserInfo(call, user);
			const json: IDataObject = simplify ? { ...record } : { ...raw };
			return [whenUnavailable === 'stale' ? { ...json, stale: answer.source === 'stale' } : json];
		},

		toJob: ({ user, simplify }) => ({ kind: 'userInfo', request: { user, simplify } }),
	});
}
