import {
	NodeConnectionTypes,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
} from 'n8n-workflow';
import { simplifyParameter } from '../shared/n8n/listParameters';
import { outputsWithDeferred, userOptions } from '../shared/n8n/options';
import { executeUserInfo } from '../shared/n8n/userInfo';
import { userParameter } from '../shared/n8n/userParameter';

export class TikLiveUserInfo implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'TikLiveAPI User Info',
		name: 'tikLiveUserInfo',
		icon: { light: 'file:../../icons/tiklive.svg', dark: 'file:../../icons/tiklive.dark.svg' },
		group: ['input'],
		version: 1,
		subtitle: '={{ "user: " + $parameter["user"]["value"] }}',
		description: 'Get the public profile of a TikTok user',
		defaults: { name: 'TikLiveAPI User Info' },
		inputs: [NodeConnectionTypes.Main],
		outputs: outputsWithDeferred,
		usableAsTool: true,
		credentials: [{ name: 'tikLiveApi', required: true }],
		properties: [userParameter, simplifyParameter, userOptions],
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		return await executeUserInfo(this);
	}
}
