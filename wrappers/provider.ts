export * from '../build/Provider/Provider_Provider';
