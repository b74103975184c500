import {
	NodeConnectionTypes,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
} from 'n8n-workflow';
import { executeList } from '../shared/n8n/list';
import {
	limitParameter,
	returnAllParameter,
	simplifyParameter,
} from '../shared/n8n/listParameters';
import { outputsWithDeferred, peopleOptions } from '../shared/n8n/options';
import { userParameter } from '../shared/n8n/userParameter';

export class TikLiveFollowers implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'TikLiveAPI Followers',
		name: 'tikLiveFollowers',
		icon: { light: 'file:../../icons/tiklive.svg', dark: 'file:../../icons/tiklive.dark.svg' },
		group: ['input'],
		version: 1,
		subtitle: '={{ "user: " + $parameter["user"]["value"] }}',
		description: 'Get the people who follow a TikTok user',
		defaults: { name: 'TikLiveAPI Followers' },
		inputs: [NodeConnectionTypes.Main],
		outputs: outputsWithDeferred,
		usableAsTool: true,
		credentials: [{ name: 'tikLiveApi', required: true }],
		properties: [
			userParameter,
			returnAllParameter,
			limitParameter,
			simplifyParameter,
			peopleOptions,
		],
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		return await executeList(this, 'userFollowers');
	}
}
