import {
	NodeConnectionTypes,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
	type IPollFunctions,
} from 'n8n-workflow';
import { simplifyParameter } from '../shared/n8n/listParameters';
import { pollWatch } from '../shared/n8n/watch';
import {
	costNotice,
	eventParameter,
	fieldsParameter,
	usersParameter,
	watchOptions,
} from '../shared/n8n/watchParameters';

export class TikLiveTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'TikLiveAPI Trigger',
		name: 'tikLiveTrigger',
		icon: { light: 'file:../../icons/tiklive.svg', dark: 'file:../../icons/tiklive.dark.svg' },
		group: ['trigger'],
		version: 1,
		subtitle: '={{ $parameter["event"] === "newPost" ? "new post" : "profile change" }}',
		description: 'Starts the workflow when TikTok users make a new post or change their profile',
		eventTriggerDescription: 'Waiting for something new on TikTok',
		activationMessage:
			'From now on TikTok is asked at the poll times. What is there already counts as known.',
		defaults: { name: 'TikLiveAPI Trigger' },
		polling: true,
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'tikLiveApi', required: true }],
		properties: [
			costNotice,
			eventParameter,
			usersParameter,
			fieldsParameter,
			{ ...simplifyParameter, displayOptions: { show: { event: ['newPost'] } } },
			watchOptions,
		],
	};

	async poll(this: IPollFunctions): Promise<INodeExecutionData[][] | null> {
		return await pollWatch(this);
	}
}
