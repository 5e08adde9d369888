/* messages: the StatusMessage texts of datasets (spec C.2, D.5.1) and versions (B.6, D.5.4), in one place. */
#ifndef PLACARD_STORE_MESSAGES_H
#define PLACARD_STORE_MESSAGES_H

#define MESSAGE_CREATING "The dataset is being created."
#define MESSAGE_CREATED_FROM_MANIFEST "The dataset was successfully created from the manifest file."
#define MESSAGE_CREATED "The dataset was successfully created."
#define MESSAGE_UPDATING "The dataset is being updated."
#define MESSAGE_UPDATED "The dataset was successfully updated."
#define MESSAGE_DELETING "The dataset is being deleted."
#define MESSAGE_SERVICE_ERROR "Amazon Rekognition experienced a service issue."

#define MESSAGE_MANIFEST_EMPTY "The manifest file is empty."
#define MESSAGE_MANIFEST_INVALID "The manifest file extension or contents are invalid."
#define MESSAGE_MANIFEST_FORBIDDEN "The S3 bucket permissions are incorrect."
#define MESSAGE_MANIFEST_TOO_LARGE "The manifest file size exceeds the maximum supported size."
#define MESSAGE_MANIFEST_TOO_MANY_ROWS "The manifest file has too many rows."
#define MESSAGE_MANIFEST_TOO_MANY_ERRORS "The manifest file has too many terminal errors."
#define MESSAGE_MANIFEST_TOO_MANY_LABELS "The manifest file has too many labels."
#define MESSAGE_MANIFEST_SEVERAL_BUCKETS "The manifest file contains images from multiple S3 buckets."
#define MESSAGE_MANIFEST_CHANGED "The manifest file changed while it was being read."
#define MESSAGE_TOO_FEW_TO_DISTRIBUTE "The manifest file doesn't have enough labeled images to distribute the dataset."

#define MESSAGE_TRAINING "The model is being trained."
#define MESSAGE_TRAINED "The model is ready to run."
#define MESSAGE_TRAINING_CANCELLED "The training was cancelled by an operator of this server."
#define MESSAGE_STARTING "The model is starting."
#define MESSAGE_RUNNING "The model is running."
#define MESSAGE_STOPPING "The model is stopping."
#define MESSAGE_STOPPED "The model is stopped."
#define MESSAGE_START_FAILED "The model failed to start."
#define MESSAGE_COPYING "The model copy is in progress."
#define MESSAGE_COPIED "The model copy is complete."
#define MESSAGE_VERSION_DELETING "The model is being deleted."
#define MESSAGE_TOO_FEW_TO_SPLIT                                                                                       \
    "The manifest file contains insufficient labeled images per label to perform auto-split."

#endif
