import {
	NodeConnectionTypes,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
} from 'n8n-workflow';
import { executeStatus } from '../shared/n8n/statusRun';

export class TikLiveStatus implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'TikLiveAPI Status',
		name: 'tikLiveStatus',
		icon: { light: 'file:../../icons/tiklive.svg', dark: 'file:../../icons/tiklive.dark.svg' },
		group: ['input'],
		version: 1,
		subtitle: '={{ $parameter["operation"] }}',
		description:
			'See how the TikLiveAPI nodes are doing: limits, credits, latency, queue. Costs nothing.',
		defaults: { name: 'TikLiveAPI Status' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		usableAsTool: true,
		credentials: [{ name: 'tikLiveApi', required: true }],
		properties: [
			{
				displayName: 'Operation',
				name: 'operation',
				type: 'options',
				noDataExpression: true,
				options: [
					{
						name: 'Get',
						value: 'get',
						description: 'Limits, credits, circuit breaker, queue, and what was sent of late',
						action: 'Get the status',
					},
					{
						name: 'Metrics',
						value: 'metrics',
						description: 'What this n8n process has counted, in the text format of Prometheus',
						action: 'Get the metrics',
					},
					{
						name: 'Report',
						value: 'report',
						description:
							'A page with charts of the last 24 hours, to mail or to serve by a webhook',
						action: 'Create a report',
					},
					{
						name: 'Reset Circuit Breaker',
						value: 'resetBreaker',
						description: 'Let requests through again at once after an outage',
						action: 'Reset the circuit breaker',
					},
				],
				default: 'get',
			},
			{
				displayName: 'Put Output File in Field',
				name: 'binaryPropertyName',
				type: 'string',
				default: 'data',
				required: true,
				hint: 'The name of the output binary field to put the file in',
				displayOptions: { show: { operation: ['report'] } },
			},
			{
				displayName: 'Options',
				name: 'options',
				type: 'collection',
				placeholder: 'Add option',
				default: {},
				displayOptions: { show: { operation: ['get'] } },
				options: [
					{
						displayName: 'Only When Budget Level Changes',
						name: 'onlyWhenBudgetLevelChanges',
						type: 'boolean',
						default: false,
						description:
							'Whether to return something only when the budget has reached another level: 80-percent, reserve or exhausted. Each level is told once a day by each node. Manual runs always return something.',
					},
				],
			},
		],
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		return await executeStatus(this);
	}
}
