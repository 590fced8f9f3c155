export * from '../build/MeasurementCatalog/MeasurementCatalog_MeasurementCatalog';
