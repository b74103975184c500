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

export class TikLiveFollowing implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'TikLiveAPI Following',
		name: 'tikLiveFollowing',
		icon: { light: 'file:../../icons/tiklive.svg', dark: 'file:../../icons/tiklive.dark.svg' },
		group: ['input'],
		version: 1,
		subtitle: '={{ "user: " + $parameter["user"]["value"] }}',
		description: 'Get the people whom a TikTok user follows',
		defaults: { name: 'TikLiveAPI Following' },
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
		return await executeList(this, 'userFollowing');
	}
}
