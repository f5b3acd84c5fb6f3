"""Write the working directory's model.joblib as MLflow's own scikit-learn flavour has it."""

import joblib
import mlflow.sklearn

if __name__ == "__main__":
    # cloudpickle: with the default of this version the scoring server would need its own list of trusted types
    mlflow.sklearn.save_model(joblib.load("model.joblib"), "mlflow", serialization_format="cloudpickle")
