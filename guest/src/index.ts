export * from './setup/operator-config';
