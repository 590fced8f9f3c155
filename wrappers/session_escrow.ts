export * from '../build/SessionEscrow/SessionEscrow_SessionEscrow';
