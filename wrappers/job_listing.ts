export * from '../build/JobListing/JobListing_JobListing';
