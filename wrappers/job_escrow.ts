export * from '../build/JobEscrow/JobEscrow_JobEscrow';
