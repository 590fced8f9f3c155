export * from '../build/CrlBuilder/CrlBuilder_CrlBuilder';
