export { createTransport, type EgressFilter, type TransportOptions } from './transport';
